# code: hook-failed
# says: ended its process: signal: 11 (SIGSEGV)
# line: 8
import ctypes


def update_template(template, **kwargs):
    ctypes.string_at(0)
    return {"template": template}

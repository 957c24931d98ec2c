# code: hook-failed
# says: ended its process
import os


def update_template(template, **kwargs):
    os.closerange(0, 256)
    return {"template": template}

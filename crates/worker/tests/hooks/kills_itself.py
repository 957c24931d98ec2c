# code: hook-failed
# says: ended its process: signal: 9 (SIGKILL)
import os
import signal


def update_template(template, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

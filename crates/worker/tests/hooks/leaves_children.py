# code: limit-exceeded
# says: took longer than 2s and was stopped
# line: 15
import os
import subprocess
import time


def update_template(template, **kwargs):
    # One in the process group, one that has left it, and one whose parent has exited.
    subprocess.Popen(["sleep", "987654"])
    subprocess.Popen(["sleep", "987654"], start_new_session=True)
    if os.fork() == 0:
        os.execvp("sh", ["sh", "-c", "setsid sleep 987654 & exit"])
    time.sleep(1000)

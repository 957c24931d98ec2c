# code: hook-failed
# says: called os._exit(7)
# line: 8
import os


def update_template(template, **kwargs):
    os._exit(7)

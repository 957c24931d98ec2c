# code: limit-exceeded
# says: took longer than 2s and was stopped
# line: 8
import time


def update_template(template, **kwargs):
    time.sleep(1000)

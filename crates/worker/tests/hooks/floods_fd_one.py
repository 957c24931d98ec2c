# code: limit-exceeded
# says: printed more than 16 MiB and was stopped
import os


def update_template(template, **kwargs):
    while True:
        os.write(1, b"y" * 65536)

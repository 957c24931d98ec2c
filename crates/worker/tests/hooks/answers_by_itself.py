# code: python
# says: sent more than one answer
import os


def update_template(template, **kwargs):
    # A hook that interferes with the protocol fails, and its answer isn't accepted.
    for fd in range(3, 20):
        try:
            os.write(fd, b"\x00\x00\x00\x02{}garbage")
        except OSError:
            pass
    return {"template": template}

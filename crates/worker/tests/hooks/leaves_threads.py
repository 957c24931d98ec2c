# code: hook-failed
# says: left 1 thread running: worker-7
# line: 10
import threading
import time


def run():
    while True:
        time.sleep(0.01)


def update_template(template, **kwargs):
    threading.Thread(target=run, name="worker-7", daemon=True).start()
    return {"template": template}

# A child that ends with os._exit, as multiprocessing's do, doesn't answer for the hook.
import os


def update_template(template, **kwargs):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return {"template": template}

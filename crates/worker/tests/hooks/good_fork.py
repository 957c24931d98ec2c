# A child that ends by os._exit, as those of multiprocessing do, says nothing in the hook's name.
import os


def update_template(template, **kwargs):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return {"template": template}

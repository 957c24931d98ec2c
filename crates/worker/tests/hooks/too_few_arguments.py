# code: hook-failed
# says: got an unexpected keyword argument
# help: *args, **kwargs
# line: 7


def update_template(template):
    return {"template": template}

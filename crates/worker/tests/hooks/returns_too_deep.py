# code: hook-result
# says: returned a template that can't be read: recursion limit exceeded


def update_template(template, **kwargs):
    for _ in range(500):
        template = {"deeper": template}
    return {"template": template}

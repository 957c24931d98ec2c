# code: hook-result
# says: returned a template that is a list


def update_template(template, **kwargs):
    return {"template": [template]}

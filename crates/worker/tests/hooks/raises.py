# code: hook-failed
# says: raised KeyError: 'volumeMounts'
# line: 8


def update_template(template, **kwargs):
    # Changes made before the exception are discarded.
    template["spec"]["containers"][0]["volumeMounts"].append({})
    return {"template": template}

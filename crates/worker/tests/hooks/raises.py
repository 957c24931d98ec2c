# code: hook-failed
# says: raised KeyError: 'volumeMounts'
# line: 8


def update_template(template, **kwargs):
    # What it changed before is of no consequence.
    template["spec"]["containers"][0]["volumeMounts"].append({})
    return {"template": template}

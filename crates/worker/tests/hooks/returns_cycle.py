# code: hook-result
# says: nested too deeply, or contains itself
# line: 6


def update_template(template, **kwargs):
    template["spec"]["spec"] = template["spec"]
    return {"template": template}

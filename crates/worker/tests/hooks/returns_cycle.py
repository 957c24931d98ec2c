# code: hook-result
# says: nested too deeply, or holds itself
# line: 6


def update_template(template, **kwargs):
    template["spec"]["spec"] = template["spec"]
    return {"template": template}

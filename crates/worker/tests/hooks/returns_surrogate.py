# code: hook-result
# says: $.spec.hostname is text that isn't Unicode
# line: 6


def update_template(template, **kwargs):
    template["spec"]["hostname"] = "\ud800"
    return {"template": template}

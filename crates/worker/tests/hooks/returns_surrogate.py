# code: hook-result
# says: $.spec.hostname contains an unpaired surrogate
# line: 6


def update_template(template, **kwargs):
    template["spec"]["hostname"] = "\ud800"
    return {"template": template}

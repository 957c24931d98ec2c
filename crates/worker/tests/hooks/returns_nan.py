# code: hook-result
# says: $.spec.priority is nan
# line: 6


def update_template(template, **kwargs):
    template["spec"]["priority"] = float("nan")
    return {"template": template}

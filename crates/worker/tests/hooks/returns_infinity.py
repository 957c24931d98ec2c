# code: hook-result
# says: $.spec.priority is -inf
# line: 6


def update_template(template, **kwargs):
    template["spec"]["priority"] = float("-inf")
    return {"template": template}

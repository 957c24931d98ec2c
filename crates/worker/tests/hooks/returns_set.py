# code: hook-result
# says: $.spec.tolerations[1] is a value of type set
# line: 6


def update_template(template, **kwargs):
    template["spec"]["tolerations"] = [{}, set()]
    return {"template": template}

# code: hook-result
# says: $.spec has a key of type tuple
# line: 6


def update_template(template, **kwargs):
    template["spec"][("a", "b")] = 1
    return {"template": template}

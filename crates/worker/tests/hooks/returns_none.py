# code: hook-result
# says: returned None; expected {"template": template}
# line: 6


def update_template(template, **kwargs):
    template["spec"] = {}

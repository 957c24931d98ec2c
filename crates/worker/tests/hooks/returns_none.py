# code: hook-result
# says: returned None, and {"template": template} is wanted
# line: 6


def update_template(template, **kwargs):
    template["spec"] = {}

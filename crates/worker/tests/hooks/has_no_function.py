# code: hook-import
# says: the module `has_no_function` has no function `update_template`
# help: did you mean `update_templates`?


def update_templates(template, **kwargs):
    return {"template": template}

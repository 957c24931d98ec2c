# code: hook-result
# says: returned a value of type str
# line: 6


def update_template(template, **kwargs):
    return "done"

# code: hook-import
# says: can't be imported: ZeroDivisionError: division by zero
# line: 4
RATIO = 1 / 0


def update_template(template, **kwargs):
    return {"template": template}

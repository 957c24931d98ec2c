# code: hook-import
# says: can't be imported: SyntaxError: 
# line: 6
def update_template(template, **kwargs):
    return {"template": template}
  nonsense(

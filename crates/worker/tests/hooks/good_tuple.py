# gives: {"spec": {"containers": [{"name": "a"}]}}
def update_template(template, **kwargs):
    return {"template": {"spec": {"containers": ({"name": "a"},)}}, "more": object()}

# log: podrules: task_config.get('nope') finds nothing and names no default: this gives None, clearml-agent 3.0.3 gives an object that counts as true. Write task_config.get('nope', None)
def update_template(template, task_config, **kwargs):
    assert not task_config.get("nope")
    return {"template": template}

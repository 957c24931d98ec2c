# log: podrules: task_config.get('nope') finds nothing and has no default: it returns None here, but an object that is true with clearml-agent 3.0.3. Write task_config.get('nope', None)
def update_template(template, task_config, **kwargs):
    assert not task_config.get("nope")
    return {"template": template}

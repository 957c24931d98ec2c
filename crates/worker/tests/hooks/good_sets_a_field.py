# gives: {"metadata": {}, "spec": {"containers": [{"name": "task", "env": [{"name": "A", "value": "1"}]}], "priorityClassName": "0a1b"}}
def update_template(template, task_data, **kwargs):
    template["spec"]["priorityClassName"] = task_data.id
    return {"template": template}

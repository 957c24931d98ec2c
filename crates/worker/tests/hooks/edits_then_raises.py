# code: hook-failed
# says: raised ValueError: no
# line: 11


def update_template(template, task_dict, providers_info, **kwargs):
    template["spec"].clear()
    template["left"] = "over"
    task_dict.clear()
    providers_info["x"] = 1
    raise ValueError("no")

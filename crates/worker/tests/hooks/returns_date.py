# code: hook-result
# says: $.metadata.annotations.at is a value of type datetime
# line: 7
import datetime


def update_template(template, **kwargs):
    template["metadata"] = {"annotations": {"at": datetime.datetime(2024, 1, 1)}}
    return {"template": template}

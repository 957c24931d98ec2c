# Every argument of the contract, and what it is.
import copy
import datetime


def update_template(queue, queue_name, template, task_data, providers_info, task_config, worker, task_dict, **more):
    assert not more, more
    assert (queue, queue_name) == ("7f3c", "train")
    assert isinstance(template, dict) and template["spec"]["containers"][0]["name"] == "task"
    assert isinstance(providers_info, dict) and providers_info["ad-role"] == "researcher"
    assert worker.worker_id == "agent-1:0"
    assert task_dict["id"] == "0a1b" and task_dict["hyperparams"]["Args"]["gpus"]["value"] == "4"
    # The task: attributes at every depth, None where nothing is known, enums, dates.
    task = task_data
    assert (task.id, task.project, task.parent, task.published) == ("0a1b", "p1", None, None)
    assert task.hyperparams["Args"]["gpus"].value == "4" and task.hyperparams.Args.gpus.type == "int"
    assert task.hyperparams["Args"]["gpus"].description is None
    assert task.container["image"] == "ubuntu" and task.container.image == "ubuntu"
    assert task.script.repository == "https://git/x" and task.script.branch is None
    assert task.execution.queue == "7f3c" and task.execution.artifacts[0].mode.value == "output"
    assert task.runtime.deep.er == [1, {"a": 2}] and task.runtime.deep.er[1].a == 2
    assert str(task.status) == "queued" and task.status != "queued" and task.status.value == "queued"
    assert task.type.name == "training"
    utc = datetime.timezone.utc
    assert task.created == datetime.datetime(2026, 11, 20, 10, 0, 0, 123000, utc)
    assert task.last_update == datetime.datetime(2026, 11, 20, 10, 0, tzinfo=utc)
    assert task.to_dict()["id"] == "0a1b"
    assert "hyperparams" in dir(task) and "status_message" in dir(task)
    copied = copy.deepcopy(task)
    assert copied.id == "0a1b" and copied.script.repository == "https://git/x"
    try:
        task.no_such_field
    except AttributeError:
        pass
    else:
        raise AssertionError("a field that nobody knows")
    # The configuration.
    config = task_config
    assert config.get("nfs.server.ip") == "10.0.0.5" and config.get("nfs.server.port", 2049) == 2049
    assert config.get("nope", None) is None and config["nope"] is None and config["nfs"]["server"]["ip"] == "10.0.0.5"
    nfs = config.get("nfs")
    assert nfs.get("server.path") == "/x" and nfs.server.path == "/x" and dict(nfs.get("server")) == {
        "ip": "10.0.0.5",
        "path": "/x",
    }
    try:
        nfs.get("nope")
    except KeyError as error:
        assert str(error) == "No configuration setting found for key nope"
    else:
        raise AssertionError("a nested get without a default")
    assert config.get('"a.b"') == 3 and config.get("list")[1].get("x") == 1
    return {"template": template}

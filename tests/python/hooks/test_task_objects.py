"""Compares hooks' task objects in podrules' worker with those of ClearML's agent and SDK clients."""

from __future__ import annotations

import copy
import importlib.util
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from clearml.backend_api.services.v2_23.tasks import Task as SdkTask
from clearml_agent.backend_api.services.v2_5.tasks import Task as AgentTask

SOURCE = Path(__file__).parents[3] / "crates" / "worker" / "src" / "python" / "clearml_objects.py"

TASK: dict[str, Any] = {
    "id": "0a1b2c3d",
    "name": "a task",
    "user": "u1",
    "company": "c1",
    "type": "training",
    "status": "in_progress",
    "comment": "",
    "created": "2026-11-20T10:00:00.123000+00:00",
    "started": "2026-11-20T12:30:00+02:00",
    "completed": None,
    "parent": "p0",
    "project": "p1",
    "active_duration": 17,
    "output": {"destination": "s3://bucket", "error": "", "model": "m1"},
    "execution": {
        "queue": "7f3c",
        "parameters": {"a": "1"},
        "model_desc": {"design": "x"},
        "framework": "PyTorch",
        "artifacts": [
            {
                "key": "data",
                "type": "dict",
                "mode": "input",
                "uri": "https://files/x",
                "content_size": 5,
                "type_data": {"preview": "{}", "content_type": "application/json"},
                "display_data": [["a", "b"]],
            }
        ],
    },
    "models": {"input": [{"name": "base", "model": "m0"}], "output": []},
    "script": {"repository": "https://git/x", "branch": "main", "requirements": {"pip": "numpy"}, "diff": ""},
    "container": {"image": "ubuntu:22.04", "arguments": "-e A=1", "setup_shell_script": ""},
    "tags": ["one", "two"],
    "system_tags": [],
    "status_changed": "2026-11-20T10:00:01Z",
    "status_message": "",
    "status_reason": "because",
    "last_worker": "agent-1:0",
    "last_worker_report": "2026-11-20T10:00:02.5Z",
    "last_update": "2026-11-20T10:00:03.000001Z",
    "last_change": "2026-11-20T10:00:04+00:00",
    "last_iteration": 3,
    "last_metrics": {"m": {"v": {"metric": "m", "value": 1.5}}},
    "hyperparams": {
        "Args": {
            "gpus": {"section": "Args", "name": "gpus", "value": "4", "type": "int", "description": ""},
            "lr": {"section": "Args", "name": "lr", "value": "0.1"},
        },
        "properties": {},
    },
    "configuration": {"General": {"name": "General", "value": "{}", "type": "dictionary"}},
    "runtime": {"progress": "5", "nested": {"a": [1, {"b": 2}]}},
}

# Fields that ClearML's SDK has, and the agent's older client drops.
NOT_IN_AGENT = {
    "active_duration",
    "models",
    "container",
    "last_change",
    "hyperparams",
    "configuration",
    "runtime",
}


def _task_object(data: dict[str, Any]) -> Any:
    spec = importlib.util.spec_from_file_location("clearml_objects", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.task_object(data)


def _same(ours: Any, theirs: Any, path: str) -> None:
    """Asserts the same attributes, types and values at every depth."""
    if isinstance(theirs, Enum):
        assert isinstance(ours, Enum), path
        assert (ours.name, ours.value, str(ours)) == (theirs.name, theirs.value, str(theirs)), path
        assert ours != theirs.value, path
    elif isinstance(theirs, datetime):
        assert isinstance(ours, datetime), path
        assert ours == theirs, path
        assert ours.utcoffset() == theirs.utcoffset(), path
    elif isinstance(theirs, dict):
        assert isinstance(ours, dict), path
        assert set(ours) == set(theirs), path
        for key, value in theirs.items():
            _same(ours[key], value, f"{path}[{key!r}]")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), path
        assert len(ours) == len(theirs), path
        for index, value in enumerate(theirs):
            _same(ours[index], value, f"{path}[{index}]")
    elif hasattr(theirs, "_get_data_props"):
        assert not isinstance(ours, dict), path
        for name in theirs._get_data_props():
            _same(getattr(ours, name), getattr(theirs, name), f"{path}.{name}")
    else:
        assert type(ours) is type(theirs), path
        assert ours == theirs, path


@pytest.mark.parametrize("missing", [None, *TASK])
def test_same_as_the_sdk(missing: str | None) -> None:
    """With all fields, and with each omitted, when it is None."""
    data = copy.deepcopy({key: value for key, value in TASK.items() if key != missing})
    if missing == "id":
        del data["execution"]["artifacts"][0]["mode"]
        del data["script"]["branch"]
    _same(_task_object(data), SdkTask.from_dict(data), "task")


def test_same_as_the_agent() -> None:
    data = copy.deepcopy({key: value for key, value in TASK.items() if key not in NOT_IN_AGENT})
    # Artifact modes are enums in the SDK, and still strings in the agent.
    del data["execution"]["artifacts"]
    _same(_task_object(data), AgentTask.from_dict(data), "task")


def test_to_dict() -> None:
    ours, theirs = _task_object(TASK).to_dict(), SdkTask.from_dict(TASK).to_dict()
    # ClearML's to_dict() keeps dates and parameters as objects; its plain values are the same in ours.
    for key, value in theirs.items():
        if isinstance(value, (str, int, float, list)):
            assert ours[key] == value, key


def test_beyond_clearml() -> None:
    """Mappings can be read by attribute too, unknown enum values stay strings, and unknown fields exist."""
    task = _task_object({"id": "a", "status": "paused", "created": "soon", "brand_new": {"x": {"y": 1}}})
    assert task.status == "paused"
    assert task.created == "soon"
    assert task.brand_new.x.y == 1
    with pytest.raises(AttributeError):
        _ = task.nothing

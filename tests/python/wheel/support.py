"""Rules, Pods and tasks for the tests of the wheel."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import podrules

HEAD = "apiVersion: podrules.io/v1\nkind: Rules\n"

ROOT = Path(__file__).resolve().parents[3]

TASK: dict[str, Any] = {"id": "0a1b2c", "name": "train", "hyperparams": {"Args": {"gpus": {"value": "2"}}}}


def rules_text(body: str) -> str:
    """A rules file with these rules, which are written without the header."""
    return HEAD + "rules:\n" + textwrap.indent(textwrap.dedent(body), "  ")


def set_rule(name: str, path: str, value: Any, more: str = "") -> str:
    """A rule that sets one field. `value` goes in as JSON, which is YAML."""
    keys = "".join(f"  {line}\n" for line in more.splitlines())
    return (
        f"- name: {name}\n{keys}  do: [{{set: {{path: {json.dumps(path)}, value: {json.dumps(value)}}}}}]\n"
    )


def hook_rule(call: str, more: str = "") -> str:
    """A rule that calls a Python function."""
    keys = "".join(f"  {line}\n" for line in more.splitlines())
    return f"- name: hook\n{keys}  do: [{{python: {json.dumps(call)}}}]\n"


def pod() -> dict[str, Any]:
    """A small Pod."""
    return {
        "metadata": {"name": "p", "labels": {"app": "clearml"}},
        "spec": {
            "containers": [{"name": "task", "image": "ubuntu:22.04", "env": [{"name": "A", "value": "1"}]}]
        },
    }


class Clock:
    """A clock that the test advances."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def call(**given: Any) -> dict[str, Any]:
    """Calls `update_template` as the agent does, and returns the template."""
    arguments: dict[str, Any] = {
        "queue": "q1",
        "queue_name": "train",
        "template": pod(),
        "task_data": None,
        "providers_info": {},
        "task_config": {},
        "worker": None,
        "task_dict": TASK,
    }
    arguments.update(given)
    return podrules.update_template(**arguments)["template"]


def old(path: os.PathLike[str]) -> None:
    """Makes a file look as if it was written long ago."""
    os.utime(path, (1_000_000_000, 1_000_000_000))

"""A hook gives the same Pod in a plain interpreter with ClearML objects, in the worker, and in the wheel."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import podrules
import pytest
import yaml
from clearml.backend_api.services.v2_23.tasks import Task
from clearml_agent.backend_config.config import Config
from clearml_agent.external.pyhocon import ConfigFactory

ROOT = Path(__file__).parents[3]
BINARY = os.environ.get("PODRULES_BINARY", "podrules")
HOOK = "CLEARML_K8S_GLUE_TEMPLATE_MODULE"
CONFIG: dict[str, Any] = {
    "nfs": {"mountPath": "/mnt/shared", "server": {"ip": "10.0.0.5", "path": "/export"}}
}


class Installation:
    """A values file with a hook, whose files are written where Python finds them."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        agent: dict[str, Any] = yaml.safe_load(path.read_text())["agentk8sglue"]
        self.env = {entry["name"]: entry["value"] for entry in agent["extraEnvs"]}
        self.module, _, self.function = self.env[HOOK].partition(":")
        for mount in agent["fileMounts"]:
            (folder / mount["name"]).write_text(mount["fileContent"])
        self.folder = folder
        agent["extraEnvs"] = [entry for entry in agent["extraEnvs"] if entry["name"] != HOOK]
        self.without_hook = folder / "values-without-hook.yaml"
        self.without_hook.write_text(yaml.safe_dump({"agentk8sglue": agent}))

    def plainly(self, task: dict[str, Any], queue: str, config: dict[str, Any]) -> Any:
        """The Pod of the template that the hook returns when Python calls it directly."""
        rules = podrules.load(values=[self.without_hook])
        spec = importlib.util.spec_from_file_location(self.module, self.folder / f"{self.module}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        task_config = Config(verbose=False)
        task_config.replace(ConfigFactory.from_dict(config))
        made = getattr(module, self.function)(
            queue="",
            queue_name=queue,
            template=rules.template(queue),
            task_data=Task.from_dict(task),
            providers_info={},
            task_config=task_config,
            worker=None,
            task_dict=task,
        )
        return rules.render(task, queue_name=queue, template=made["template"], task_config=config).pod

    def in_the_wheel(self, task: dict[str, Any], queue: str, config: dict[str, Any]) -> Any:
        rules = podrules.load(values=[self.path], python_path=[self.folder])
        return rules.render(task, queue_name=queue, task_config=config).pod

    def in_the_worker(self, task: dict[str, Any], queue: str, config: dict[str, Any]) -> Any:
        (self.folder / "task.json").write_text(json.dumps(task))
        (self.folder / "config.json").write_text(json.dumps(config))
        command = [
            BINARY,
            "render",
            "-f",
            str(self.path),
            "-q",
            queue,
            "-o",
            "json",
            "--python",
            sys.executable,
        ]
        command += ["-t", str(self.folder / "task.json"), "--config", str(self.folder / "config.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)


def _task(queue: str) -> dict[str, Any]:
    return {
        "id": f"0a1b2c3d4e5f{len(queue):02}",
        "name": "a task",
        "type": "training",
        "status": "queued",
        "created": "2026-11-20T10:00:00.123000+00:00",
        "container": {"image": "python:3.11"},
        "hyperparams": {"Args": {"gpus": {"section": "Args", "name": "gpus", "value": "2", "type": "int"}}},
    }


FORMS = [
    ("examples/from-python/variable/values.yaml", "default"),
    ("examples/from-python/folder/values.yaml", "default"),
    ("examples/from-python/nfs/values-mended.yaml", "default"),
    ("examples/from-python/claim/values.yaml", "pvc-test"),
    ("examples/from-python/claim/values.yaml", "default"),
    ("tests/cli/render-hook/values.yaml", "default"),
    ("tests/python/forms/everything.yaml", "default"),
]


@pytest.mark.parametrize("config", [CONFIG, {}], ids=["nfs", "nothing"])
@pytest.mark.parametrize(("values", "queue"), FORMS)
def test_the_same_pod(
    values: str, queue: str, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation(ROOT / values, tmp_path)
    for name, value in installation.env.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delitem(sys.modules, installation.module, raising=False)
    arguments = (_task(queue), queue, config)
    plain = installation.plainly(*arguments)
    assert installation.in_the_worker(*arguments) == plain
    assert installation.in_the_wheel(*arguments) == plain


@pytest.mark.parametrize("config", [CONFIG], ids=["nfs"])
def test_the_same_mistake(config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Volumes on the container: the hook's own exception, everywhere."""
    installation = Installation(ROOT / "examples/from-python/nfs/values.yaml", tmp_path)
    monkeypatch.delitem(sys.modules, installation.module, raising=False)
    arguments = (_task("default"), "default", config)
    with pytest.raises(Exception, match="the template has no 'volumes'"):
        installation.plainly(*arguments)
    with pytest.raises(RuntimeError, match="the template has no 'volumes'"):
        installation.in_the_worker(*arguments)
    with pytest.raises(podrules.RulesError, match="the template has no 'volumes'"):
        installation.in_the_wheel(*arguments)

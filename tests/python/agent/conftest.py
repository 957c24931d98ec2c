"""Unmodified clearml-agent 3.0.3 with a fake server and a fake kubectl: no network, no cluster."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest
from agent_server import FakeServer

HERE = Path(__file__).resolve().parent
TASK_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
TASK: dict[str, Any] = {
    "id": TASK_ID,
    "name": "Train ResNet",
    "type": "training",
    "user": "u1",
    "project": "p1",
    "status": "queued",
    "tags": ["gpu"],
    "hyperparams": {"Args": {"gpus": {"section": "Args", "name": "gpus", "value": "2", "type": "int"}}},
    "container": {"image": "ubuntu:22.04", "arguments": "", "setup_shell_script": ""},
}


def python_path() -> str:
    """The PYTHONPATH for our processes."""
    return os.environ.get("PYTHONPATH", "")


@dataclass
class Call:
    """One call of kubectl."""

    argv: list[str]
    file: str | None

    @property
    def verb(self) -> str:
        return self.argv[0]

    @property
    def manifest(self) -> Any:
        return json.loads(self.file or "null")


@dataclass
class Outcome:
    """The result of a job."""

    server: FakeServer
    folder: Path
    result: dict[str, Any]
    output: str

    @property
    def kubectl(self) -> list[Call]:
        """All calls of kubectl, in order, except those by which the agent watches pending Pods."""
        calls = [json.loads(path.read_text()) for path in sorted(self.folder.glob("call-*.json"))]
        watching = ("status.phase=Pending", ".status.active", "status.active")
        return [
            Call(**call) for call in calls if not any(word in " ".join(call["argv"]) for word in watching)
        ]

    @property
    def applied(self) -> list[Call]:
        return [call for call in self.kubectl if call.verb == "apply"]

    @property
    def objects(self) -> dict[str, Any]:
        """The objects in the cluster, by kind and name."""
        found = (json.loads(path.read_text()) for path in self.folder.glob("*.object"))
        return {f"{manifest['kind']}/{manifest['metadata']['name']}": manifest for manifest in found}

    @property
    def api(self) -> list[tuple[str, Any]]:
        """All API calls about tasks, without what differs from run to run."""
        calls = []
        for call in copy.deepcopy(self.server.calls):
            if call["call"].startswith("auth."):
                continue
            if call["call"] == "events.add_batch":
                for event in call["body"]:
                    event.pop("timestamp")
            calls.append((call["call"], call["body"]))
        return calls

    def bodies(self, name: str) -> list[Any]:
        return [body for call, body in self.api if call == name]

    @property
    def task(self) -> dict[str, Any]:
        return self.server.tasks[TASK_ID]


class Harness:
    """Runs jobs."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.jobs = 0
        self.kubectl = folder / "bin" / "kubectl"
        self.kubectl.parent.mkdir()
        script = (HERE / "agent_kubectl.py").read_text()
        self.kubectl.write_text(f"#!{sys.executable} -SE\n{script}")
        self.kubectl.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        self.runner = subprocess.Popen(
            [sys.executable, str(HERE / "agent_runner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": python_path()},
        )

    def close(self) -> None:
        assert self.runner.stdin is not None
        self.runner.stdin.close()
        self.runner.wait(60)

    def run(self, which: str, case: dict[str, Any]) -> Outcome:
        """Runs a case with ClearML's class (`plain`) or with ours (`podrules`)."""
        self.jobs += 1
        folder = self.folder / f"job-{self.jobs}"
        folder.mkdir()
        task = merged(TASK, case.get("task", {}))
        queue = case.get("queue", "train")
        server = self.server
        server.reset(
            tasks=[] if case.get("no_task") else [task],
            queues={
                queue: "7f3c1d2e4b5a69788796a5b4c3d2e1f0"
                if queue == "train"
                else "11112222333344445555666677778888"
            },
            answers=case.get("answers"),
            login=case.get("login"),
        )
        (folder / "scenario.json").write_text(json.dumps(case.get("kubectl", [])))
        for manifest in case.get("objects", []):
            name = f"{manifest['kind']}-{manifest['metadata']['name']}.object"
            (folder / name).write_text(json.dumps(manifest))
        (folder / "clearml.conf").write_text("api {}\n" + case.get("conf", ""))
        environment = {
            "PATH": f"{self.kubectl.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": python_path(),
            "FAKE_KUBECTL": str(folder),
            "CLEARML_API_HOST": server.address,
            "CLEARML_API_ACCESS_KEY": "key",
            "CLEARML_API_SECRET_KEY": "secret",
            "CLEARML_CONFIG_FILE": str(folder / "clearml.conf"),
            "CLEARML_WORKER_ID": "agent-1:0",
            **case.get("env", {}),
        }
        agent = dict(case.get("agent", {}))
        if "template" in case:
            template = case["template"]
            path = folder / "template.yaml"
            path.write_text(template if isinstance(template, str) else json.dumps(template))
            agent["template_yaml"] = str(path)
        if which == "podrules":
            for kind in ("rules", "values"):
                if kind in case:
                    path = folder / f"{kind}.yaml"
                    path.write_text(case[kind] if isinstance(case[kind], str) else json.dumps(case[kind]))
                    environment[f"PODRULES_{kind.upper()}"] = str(path)
        job = {
            "class": which,
            "agent": agent,
            "environment": environment,
            "tasks": [[server.queues[queue], TASK_ID]] * case.get("launches", 1),
            "owner": case.get("owner"),
            "port_properties": case.get("port_properties"),
            "output": str(folder / "output.txt"),
            "result": str(folder / "result.json"),
        }
        stdin, stdout = self.runner.stdin, self.runner.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        assert stdout.readline() == "done\n"
        output = (folder / "output.txt").read_text(errors="replace")
        path = folder / "result.json"
        assert path.exists(), output
        result = json.loads(path.read_text())
        assert "broken" not in result, output
        return Outcome(server, folder, result, output)


def merged(base: Any, over: Any) -> Any:
    """Merges two mappings recursively; other values are replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            key: merged(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}
        }
    return copy.deepcopy(over)


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    if sys.version_info < (3, 9):
        pytest.skip("clearml-agent 3.0.3 can't read YAML with this version of Python, not even a template")
    server = FakeServer()
    found = Harness(server, tmp_path_factory.mktemp("agent"))
    yield found
    found.close()
    server.close()

"""`python -m podrules.clearml`: the flags of ClearML's example, and rules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import TASK, TASK_ID, Harness, Outcome, python_path
from podrules.clearml import __main__ as main

# The flags of clearml-agent's examples/k8s_glue_example.py: name, default, example arguments, result.
FLAGS: list[tuple[str, Any, list[str], Any]] = [
    ("--k8s-pending-queue-name", "k8s_scheduler", ["q"], "q"),
    ("--container-bash-script", None, ["f"], "f"),
    ("--debug", False, [], True),
    ("--queue", None, ["a,b"], "a,b"),
    ("--ports-mode", False, [], True),
    ("--num-of-services", 20, ["3"], 3),
    ("--base-port", None, ["20000"], 20000),
    ("--base-pod-num", 1, ["5"], 5),
    ("--gateway-address", None, ["10.0.0.1"], "10.0.0.1"),
    ("--pod-clearml-conf", None, ["f"], "f"),
    ("--overrides-yaml", None, ["f"], "f"),
    ("--template-yaml", None, ["f"], "f"),
    ("--ssh-server-port", 0, ["22"], 22),
    ("--namespace", "clearml", ["n"], "n"),
    ("--max-pods", None, ["4"], 4),
    ("--pod-name-prefix", "clearml-id-", ["p-"], "p-"),
    (
        "--limit-pod-label",
        "ai.allegro.agent.serial=pod-{pod_number}",
        ["l=pod-{pod_number}"],
        "l=pod-{pod_number}",
    ),
    ("--no-system-packages", False, [], True),
    ("--use-owner-token", False, [], True),
    ("--create-queue", False, [], True),
    # Ours.
    ("--rules", [], ["f"], ["f"]),
    ("--values", [], ["f"], ["f"]),
]


@pytest.mark.parametrize(("flag", "default", "argument", "value"), FLAGS, ids=[flag for flag, *_ in FLAGS])
def test_flags(flag: str, default: Any, argument: list[str], value: Any) -> None:
    name = flag[2:].replace("-", "_")
    assert getattr(main.parser().parse_args([]), name) == default
    assert getattr(main.parser().parse_args([flag, *argument]), name) == value


def test_no_other_flags() -> None:
    assert set(vars(main.parser().parse_args([]))) == {flag[2:].replace("-", "_") for flag, *_ in FLAGS}


def test_ports_and_a_limit_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main.parser().parse_args(["--ports-mode", "--max-pods", "3"])
    assert "not allowed with" in capsys.readouterr().err


def test_ports_are_set() -> None:
    assert main.port_properties(20000, None)(3) == {"k8s-pod-port": 20003}
    assert main.port_properties(20000, "10.0.0.1")() == {
        "k8s-pod-port": 20000,
        "k8s-gateway-address": "10.0.0.1",
    }


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": python_path(),
        **more,
    }


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--rules", "bad.yaml"], {}), ([], {"PODRULES_RULES": "bad.yaml"}), (["--values", "absent.yaml"], {})],
)
def test_mistakes_in_rules_are_reported_at_startup(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    (tmp_path / "bad.yaml").write_text(
        "apiVersion: podrules.io/v1\nkind: Rules\nrules:\n- name: one\n  do: [{noSuchOperation: {}}]\n"
    )
    command = [sys.executable, "-m", "podrules.clearml", "--queue", "train", *arguments]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert (arguments or ["bad.yaml"])[-1] in done.stderr


def test_from_the_queue_to_the_pod(harness: Harness, tmp_path: Path) -> None:
    """The complete agent logs in, finds its queue, takes a task, applies the Pod, and stops on request."""
    server, queue = harness.server, "7f3c1d2e4b5a69788796a5b4c3d2e1f0"
    server.reset(tasks=[TASK])
    server.entries[queue].append(TASK_ID)
    (tmp_path / "template.yaml").write_text("spec: {}\n")
    (tmp_path / "clearml.conf").write_text("api {}\n")
    (tmp_path / "rules.yaml").write_text(
        "apiVersion: podrules.io/v1\nkind: Rules\nrules:\n"
        "- name: team\n  do: [{addLabels: {labels: {team: vision}}}]\n"
    )
    variables = environment(
        tmp_path,
        FAKE_KUBECTL=str(tmp_path),
        CLEARML_API_HOST=server.address,
        CLEARML_API_ACCESS_KEY="key",
        CLEARML_API_SECRET_KEY="secret",
        CLEARML_CONFIG_FILE=str(tmp_path / "clearml.conf"),
        CLEARML_WORKER_ID="agent-1:0",
    )
    variables["PATH"] = f"{harness.kubectl.parent}{os.pathsep}{variables['PATH']}"
    command = [
        sys.executable,
        "-m",
        "podrules.clearml",
        "--queue",
        "train",
        "--max-pods",
        "2",
        "--namespace",
        "ml",
    ]
    command += ["--template-yaml", "template.yaml", "--rules", "rules.yaml"]
    with (tmp_path / "output.txt").open("wb") as output:
        agent = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=output, stderr=output)
        try:
            outcome = Outcome(server, tmp_path, {}, "")
            deadline = time.monotonic() + 60
            while not any(call == "tasks.edit_hyper_params" for call, _ in outcome.api):
                assert time.monotonic() < deadline, (tmp_path / "output.txt").read_text()
                assert agent.poll() is None, (tmp_path / "output.txt").read_text()
                time.sleep(0.1)
        finally:
            agent.send_signal(signal.SIGTERM)
            try:
                agent.wait(20)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait(20)
    (call,) = outcome.applied
    assert call.argv[:-1] == ["apply", "--namespace=ml", "-f"]
    assert call.manifest["metadata"]["labels"]["team"] == "vision"
    assert server.tasks[TASK_ID]["status"] == "queued"
    assert server.pending == [TASK_ID]
    assert server.entries[queue] == []

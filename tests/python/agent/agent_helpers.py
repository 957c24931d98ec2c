"""Helpers for the tests of rules: rules, companions, and assertions about tasks."""

from __future__ import annotations

from typing import Any

from conftest import TASK_ID, Outcome

POD = f"clearml-id-{TASK_ID}"
JOB = {"CLEARML_K8S_GLUE_KIND": "job"}
REASON = "The task's Pod could not be launched"


def rules(*given: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": list(given)}


def claim(name: str = "${pod_name}", **more: Any) -> dict[str, Any]:
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return {"manifest": manifest, **more}


def config_map(name: str, **more: Any) -> dict[str, Any]:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
    return {"manifest": manifest, **more}


def env_of(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def steps(outcome: Outcome) -> list[str]:
    """The calls of kubectl, as verb and object."""
    told = []
    for call in outcome.kubectl:
        manifest = call.manifest
        told.append(f"{call.verb} {manifest['kind']}/{manifest['metadata']['name'].replace(POD, 'POD')}")
    return told


def failed(outcome: Outcome, message: str) -> None:
    """Asserts that the task failed with the message, isn't pending, and has no Pod."""
    assert outcome.result["escaped"] == [None]
    assert outcome.task["status"] == "failed"
    assert outcome.task["status_reason"] == REASON
    assert message in outcome.task["status_message"], outcome.output
    assert "\n" not in outcome.task["status_message"]
    assert outcome.server.pending == []
    assert f"Pod/{POD}" not in outcome.objects
    order = [call for call, _ in outcome.api if call in ("queues.remove_task", "tasks.failed")]
    assert order[-2:] == ["queues.remove_task", "tasks.failed"]
    assert REASON in outcome.server.logs(TASK_ID)


def launched(outcome: Outcome) -> dict[str, Any]:
    """The Pod of a launched task."""
    assert outcome.result["escaped"] == [None], outcome.output
    assert outcome.task["status"] == "queued", outcome.output
    assert outcome.server.pending == [TASK_ID]
    (call,) = outcome.applied
    return call.manifest

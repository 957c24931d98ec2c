"""Our class without rules behaves like ClearML's: it passes the same manifests to kubectl, and makes the same
API calls.

A case is a file in cases/. Its keys are all optional. Inputs: `task` (merged into the default task), `queue`
(its name), `template`, `agent` (constructor arguments), `env`, `conf` (clearml.conf), `owner`, `answers` (of
the API), `kubectl` (its responses), `launches`. Expectations: `pod` (fields of the manifest, by JSON
Pointer), `absent` (pointers), `manifests` (how many), `misread` (what kubectl reads differently from what
ClearML's YAML means; ours is JSON), `differs` (see below)."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import TASK_ID, Harness, Outcome
from ruamel.yaml import YAML

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def read(text: str, version: tuple[int, int]) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    return plain(reader.load(text))


def plain(value: Any) -> Any:
    """The value as kubectl sends it, as JSON."""
    if isinstance(value, dict):
        return {
            str(key).lower() if isinstance(key, bool) else str(key): plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def differences(left: Any, right: Any, at: str = "") -> list[str]:
    """Where two documents differ, as JSON Pointers."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = [*left, *(key for key in right if key not in left)]
        return [
            found
            for key in keys
            for found in (
                differences(left[key], right[key], f"{at}/{key}")
                if key in left and key in right
                else [f"{at}/{key}"]
            )
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            found
            for index, pair in enumerate(zip(left, right))
            for found in differences(*pair, f"{at}/{index}")
        ]
    return [] if (type(left), left) == (type(right), right) else [at]


def at(document: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step.replace("~1", "/")]
    return document


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(harness: Harness, path: Path) -> None:
    case = YAML(typ="safe", pure=True).load(path.read_text())
    theirs = harness.run("plain", case)
    api, wrong = theirs.api, dict(theirs.server.tasks.get(TASK_ID, {}))
    ours = harness.run("podrules", case)
    where = f"\n--- theirs\n{theirs.output}\n--- ours\n{ours.output}"

    assert ours.result["escaped"] == [None] * case.get("launches", 1), where
    assert ours.result["command"] == theirs.result["command"]
    assert not list(ours.folder.glob("**/podrules-*.json"))
    differs = case.get("differs")
    if differs:
        return DIFFERENCES[differs](case, theirs, api, wrong, ours)
    assert theirs.result["escaped"] == ours.result["escaped"], where
    assert ours.api == api, where
    assert len(ours.applied) == case.get("manifests", 1), where
    same_manifests(case, theirs, ours)
    return None


def same_manifests(case: dict[str, Any], theirs: Outcome, ours: Outcome) -> None:
    assert [call.argv[:-1] for call in ours.kubectl if call.verb != "apply"] == [
        call.argv[:-1] for call in theirs.kubectl if call.verb != "apply"
    ]
    assert [call.argv[:-1] for call in ours.applied] == [call.argv[:-1] for call in theirs.applied]
    for our, their in zip(ours.applied, theirs.applied):
        meant = read(their.file or "", (1, 2))
        assert our.manifest == meant
        # kubectl reads YAML 1.1; JSON means the same in both.
        assert differences(read(their.file or "", (1, 1)), meant) == case.get("misread", [])
        assert read(our.file or "", (1, 1)) == our.manifest
        for pointer, value in case.get("pod", {}).items():
            assert at(our.manifest, pointer) == value, pointer
        for pointer in case.get("absent", []):
            with pytest.raises((KeyError, IndexError)):
                at(our.manifest, pointer)


def without_reasons(api: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The calls without the messages of failures."""
    return [
        (call, {key: value for key, value in body.items() if key not in ("status_reason", "status_message")})
        if call == "tasks.failed"
        else (call, body)
        for call, body in api
        if call != "events.add_batch"
    ]


def failed_with_reason(case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome) -> None:
    """Both fail the task with the same calls. Only ours gives the reason."""
    assert wrong["status"] == ours.task["status"] == "failed"
    assert not wrong.get("status_message")
    assert without_reasons(api) == without_reasons(ours.api)
    reason_is_reported(case, ours)


def failed_instead_of_stranded(
    case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome
) -> None:
    """Theirs leaves the task in the pending queue forever. Ours fails it."""
    assert wrong["status"] == "queued"
    assert not any(call == "tasks.failed" for call, _ in api)
    assert ours.task["status"] == "failed"
    reason_is_reported(case, ours)


def launched_in_spite_of_warning(
    case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome
) -> None:
    """Theirs fails a task although its Pod was applied, because kubectl printed a warning. Ours doesn't."""
    assert wrong["status"] == "failed"
    assert ours.task["status"] == "queued"
    assert ours.server.pending == [TASK_ID]
    assert "kubectl: " + case["message"] in ours.output
    same_manifests(case, theirs, ours)


def failed_in_silence(case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome) -> None:
    """kubectl fails without a message: theirs takes the Pod for applied, ours checks the exit status."""
    assert wrong["status"] == "queued"
    assert ours.task["status"] == "failed"
    reason_is_reported(case, ours)


def nothing_to_fail(case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome) -> None:
    """Theirs raises an exception. Ours logs it; there is no task to fail."""
    assert theirs.result["escaped"] == ["IndexError"]
    assert ours.applied == []
    assert "could not be launched" in ours.output


def refusal_is_logged(case: dict[str, Any], theirs: Outcome, api: Any, wrong: Any, ours: Outcome) -> None:
    """Neither can do more than ask. Ours logs the refusal."""
    assert without_reasons(api) == without_reasons(ours.api)
    assert ours.server.pending == []
    assert f"task {TASK_ID} could not be set to failed: " in ours.output
    assert "could not be set to failed" not in theirs.output


def reason_is_reported(case: dict[str, Any], ours: Outcome) -> None:
    assert ours.server.pending == []
    message = ours.task["status_message"]
    assert case["message"] in message
    assert len(message) <= 500
    assert message.isprintable()
    assert ours.task["status_reason"] == "The task's Pod could not be launched"
    assert case.get("log", case["message"]) in ours.server.logs(TASK_ID)


DIFFERENCES = {
    found.__name__: found
    for found in (
        failed_with_reason,
        failed_instead_of_stranded,
        launched_in_spite_of_warning,
        failed_in_silence,
        nothing_to_fail,
        refusal_is_logged,
    )
}


def test_every_case_is_valid() -> None:
    assert len(CASES) >= 36
    keys = "about absent agent answers conf differs env kubectl launches log login manifests message misread "
    keys += "no_task owner pod port_properties queue task template"
    for path in CASES:
        case = YAML(typ="safe", pure=True).load(path.read_text())
        assert set(case) <= set(keys.split()), path.name
        assert json.dumps(case)

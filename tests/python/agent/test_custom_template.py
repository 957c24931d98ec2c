"""ClearML's strings, `${CLEARML_…}`: how clearml-agent 3.0.3 and podrules replace them.

Where ClearML's code does what it documents, both agree. A table lists the differences, with reasons; see
docs/clearml-strings.md."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clearml_agent.helper.custom_template import CustomTemplate

TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or Path.home() / ".cache" / "podrules" / "target")
BINARIES = [Path(os.environ["PODRULES_BINARY"])] if os.environ.get("PODRULES_BINARY") else []
BINARIES += [TARGET / "release" / "podrules", TARGET / "debug" / "podrules"]
BINARY = next((path for path in BINARIES if path.exists()), None)

QUEUE_ID = "7f3c1d2e4b5a69788796a5b4c3d2e1f0"
TASK: dict[str, Any] = {
    "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "name": "Train ResNet",
    "comment": "two\nlines",
    "project": "p1",
    "parent": None,
    "tags": ["gpu", "large"],
    "system_tags": [],
    "mixed": ["a", 1, True, 2.5],
    "nested": [["a"], {"b": 1}],
    "zero": 0,
    "ratio": 0.25,
    "yes": True,
    "no": False,
    "empty": "",
    "hidden": "${CLEARML_QUEUE_ID}",
    "unicode": "Žluťoučký",
    "padded": "  x  ",
    "hyperparams": {
        "Args": {"gpus": {"name": "gpus", "value": "2"}, "user-key": {"value": "v"}, "a/b": {"value": "w"}}
    },
}
CONFIG = {"nfs": {"server": {"ip": "10.0.0.5", "port": 2049}}, "flag": True, "list": [1, 2]}
PROVIDERS = {"ad-role": "researcher", "role": "admin"}

AGREED = [
    "${CLEARML_QUEUE_ID}",
    "${CLEARML_QUEUE_NAME}",
    "${CLEARML_WORKER_ID}",
    "${CLEARML_PROJECT_ID}",
    "${CLEARML_PROJECT_NAME}",
    "${CLEARML_TASK.id}",
    "${CLEARML_TASK.name}",
    "${CLEARML_TASK.project}",
    "${CLEARML_TASK.comment}",
    "${CLEARML_TASK.hyperparams.Args.gpus.value}",
    "${CLEARML_TASK.tags}",
    "${CLEARML_TASK.mixed}",
    "${CLEARML_TASK.zero}",
    "${CLEARML_TASK.ratio}",
    "${CLEARML_TASK.yes}",
    "${CLEARML_TASK.no}",
    "${CLEARML_TASK.empty}",
    "${CLEARML_TASK.unicode}",
    "${CLEARML_TASK.padded}",
    "${CLEARML_TASK.hidden}",
    "${CLEARML_CONFIG.nfs.server.ip}",
    "${CLEARML_CONFIG.nfs.server.port}",
    "${CLEARML_CONFIG.flag}",
    "${CLEARML_CONFIG.list}",
    "${CLEARML_PROVIDERS_INFO.role}",
    "before ${CLEARML_TASK.name} after",
    "${CLEARML_QUEUE_NAME}/${CLEARML_TASK.id}",
    "${CLEARML_TASK.name}${CLEARML_TASK.name}",
    "-e user_key=${CLEARML_TASK.hyperparams.Args.gpus.value:1}",
    # Defaults.
    "${CLEARML_TASK.absent:none}",
    "${CLEARML_TASK.absent:a.b:c_1}",
    "${CLEARML_TASK.hyperparams.Args.absent.value:4}",
    "${CLEARML_TASK.parent:orphan}",
    "${CLEARML_CONFIG.absent.path:x}",
    "${CLEARML_USER_VAULTS.a.b:x}",
    "${CLEARML_USER.name:nobody}",
    "${CLEARML_TASK.hyperparams:x}",
    "${CLEARML_TASK.nested:x}",
    "${CLEARML_QUEUE_NAME:x}",
    # Neither a value nor a default.
    "${CLEARML_TASK.absent}",
    "${CLEARML_TASK.parent}",
    "${CLEARML_TASK.hyperparams}",
    "${CLEARML_TASK.nested}",
    "${CLEARML_TASK}",
    "${CLEARML_NOTHING}",
    "${CLEARML_NOTHING:x}",
    "${CLEARML_QUEUE_NAME.x}",
    "${CLEARML_USER.name}",
    # Not ClearML strings.
    "$HOME ${HOME} $$ $ {CLEARML_TASK.name}",
    "$${CLEARML_QUEUE_NAME}",
    "${QUEUE_NAME}",
    "${clearml_TASK.name}",
    "${CLEARML_}",
    "${CLEARML_TASK.name",
    "${CLEARML_FILES_HOST:-http://x}",
    "${CLEARML_X:?missing}",
    "plain text",
    "",
]

DIFFERENT = [
    # text, ClearML's, ours, why
    ("${CLEARML_TASK.name|lower}", "${CLEARML_TASK.name|lower}", "train resnet", "any | loses the name"),
    ("${CLEARML_TASK.name:x|lower}", "${CLEARML_TASK.name:x|lower}", "train resnet", "any | loses the name"),
    ("${CLEARML_TASK.absent:ABC|lower}", "${CLEARML_TASK.absent:ABC|lower}", "abc", "any | loses the name"),
    ("${CLEARML_TASK.padded|strip}", "${CLEARML_TASK.padded|strip}", "x", "any | loses the name"),
    ("${CLEARML_TASK.comment|raw}", "${CLEARML_TASK.comment|raw}", "two\nlines", "any | loses the name"),
    (
        "${CLEARML_TASK.absent:two words}",
        "${CLEARML_TASK.absent:two words}",
        "two words",
        "blanks in a default",
    ),
    ("${CLEARML_TASK.absent:a-b}", "${CLEARML_TASK.absent:a-b}", "a-b", "a dash in a default"),
    (
        "${CLEARML_TASK.absent:repo/image}",
        "${CLEARML_TASK.absent:repo/image}",
        "repo/image",
        "a slash in a default",
    ),
    (
        "${CLEARML_TASK.hyperparams.Args.user-key.value}",
        "${CLEARML_TASK.hyperparams.Args.user-key.value}",
        "v",
        "a dash in a name",
    ),
    (
        "${CLEARML_TASK.hyperparams.Args.a/b.value}",
        "${CLEARML_TASK.hyperparams.Args.a/b.value}",
        "w",
        "a slash in a name",
    ),
    (
        "${CLEARML_PROVIDERS_INFO.ad-role}",
        "${CLEARML_PROVIDERS_INFO.ad-role}",
        "researcher",
        "a dash in a name",
    ),
    (
        "${CLEARML_TASK.name.x:y}",
        "${CLEARML_TASK.name.x:y}",
        "y",
        "a path through text fails in spite of its default",
    ),
    (
        "${CLEARML_TASK.tags.x:y}",
        "${CLEARML_TASK.tags.x:y}",
        "y",
        "a path through a list fails in spite of its default",
    ),
    ("${CLEARML_PROJECT_NAME:mine}", "unknown", "mine", "`unknown` takes precedence over a default"),
    ("$CLEARML_QUEUE_NAME", "train", "$CLEARML_QUEUE_NAME", "without braces it is the shell's"),
    ("$CLEARML_TASK.name", "Train ResNet", "$CLEARML_TASK.name", "without braces it is the shell's"),
]


def theirs(text: str) -> str:
    return CustomTemplate(text).default_custom_substitute(
        queue_id=QUEUE_ID,
        queue_name="train",
        worker_id="agent-1:0",
        task_info=TASK,
        provider_info=PROVIDERS,
        config=CONFIG,
        user_vaults={},
        user_info={},
        # ClearML asks its server for the name; offline, only the id is known.
        project_info={"id": "p1"},
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """podrules' result for every text: the annotations of one Pod."""
    if BINARY is None:
        pytest.fail("the podrules binary isn't built: make build, or name it by PODRULES_BINARY")
    folder = tmp_path_factory.mktemp("strings")
    texts = [*AGREED, *(text for text, *_ in DIFFERENT)]
    annotations = {f"row-{number}": text for number, text in enumerate(texts)}
    values = {"agentk8sglue": {"queue": "train", "basePodTemplate": {"annotations": annotations}}}
    context = {
        "queue": {"id": QUEUE_ID, "name": "train"},
        "worker": {"id": "agent-1:0"},
        "providers": PROVIDERS,
        "config": CONFIG,
    }
    for name, content in (("values.yaml", values), ("task.json", TASK), ("context.json", context)):
        (folder / name).write_text(json.dumps(content))
    done = subprocess.run(
        [str(BINARY), "render", str(folder), "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metadata"]["annotations"]
    return {text: found[f"row-{number}"] for number, text in enumerate(texts)}


@pytest.mark.parametrize("text", AGREED)
def test_same(ours: dict[str, str], text: str) -> None:
    assert ours[text] == theirs(text)


@pytest.mark.parametrize(("text", "clearml", "podrules", "why"), DIFFERENT)
def test_different(ours: dict[str, str], text: str, clearml: str, podrules: str, why: str) -> None:
    assert theirs(text) == clearml
    assert ours[text] == podrules
    assert clearml != podrules
    assert why


def test_an_unknown_queue_name() -> None:
    """ClearML inserts the word `None` for a queue that it couldn't look up. podrules leaves the string
    unchanged."""
    text = CustomTemplate("${CLEARML_QUEUE_NAME}").default_custom_substitute(
        queue_id=QUEUE_ID, queue_name="", worker_id="", task_info=TASK
    )
    assert text == "None"

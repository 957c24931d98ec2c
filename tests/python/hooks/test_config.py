"""Compares the task_config of hooks in podrules' worker with ClearML's own Config and its nested trees."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Callable

import pytest
from clearml_agent.backend_config.config import Config
from clearml_agent.external.pyhocon import ConfigFactory

SOURCE = Path(__file__).parents[3] / "crates" / "worker" / "src" / "python" / "clearml_objects.py"
HOCON = """
nfs { mountPath: "/mnt", server { ip: "10.0.0.5", path: "/x" }, hosts: [1, { name: "a" }] }
flag: true
nothing: null
number: 5
"dotted.key": 3
empty {}
"""


def _configs() -> tuple[Any, Any]:
    tree = ConfigFactory.parse_string(HOCON)
    theirs = Config(verbose=False)
    theirs.replace(tree)
    spec = importlib.util.spec_from_file_location("clearml_objects", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = json.loads(json.dumps(tree.as_plain_ordered_dict()))
    return module.Config(data), theirs


READS: dict[str, Callable[[Any], Any]] = {
    "get": lambda c: c.get("number"),
    "get dotted": lambda c: c.get("nfs.server.ip"),
    "get default": lambda c: c.get("nope", "d"),
    "get None as default": lambda c: c.get("nope", None),
    "get dotted default": lambda c: c.get("nfs.server.nope", 1),
    "get below a text": lambda c: c.get("nfs.mountPath.deeper", 1),
    "get null": lambda c: c.get("nothing", 4),
    "get a dotted key": lambda c: c.get('"dotted.key"'),
    "get unquoted": lambda c: c.get("dotted.key", None),
    "item": lambda c: c["nfs"]["server"]["ip"],
    "item dotted": lambda c: c["nfs.server.ip"],
    "item missing": lambda c: c["nope"],
    "attribute": lambda c: c.nfs.server.path,
    "attribute missing": lambda c: c.nope,
    "nested": lambda c: dict(c.get("nfs").get("server")),
    "nested get": lambda c: c.get("nfs").get("server.ip"),
    "nested default": lambda c: c.get("nfs").get("server.nope", 2),
    "nested missing": lambda c: c.get("nfs").get("server.nope"),
    "nested item missing": lambda c: c.get("nfs")["nope"],
    "nested list": lambda c: c.get("nfs.hosts")[1].get("name"),
    "nested keys": lambda c: list(c.get("nfs").keys()),
    "nested string": lambda c: c.get("nfs").get_string("server.ip"),
    "string of a bool": lambda c: c.get_string("flag"),
    "int": lambda c: c.get_int("number"),
    "float": lambda c: c.get_float("number"),
    "bool": lambda c: c.get_bool("flag"),
    "empty is false": lambda c: bool(c.get("empty")),
    "to_dict": lambda c: json.dumps(c.to_dict()["nfs"]),
    "as dict": lambda c: isinstance(c.get("nfs"), dict),
}


def _outcome(read: Callable[[Any], Any], config: Any) -> tuple[str, Any]:
    try:
        return "gives", read(config)
    except Exception as error:
        kind = next(k for k in (KeyError, AttributeError, Exception) if isinstance(error, k))
        return "raises", kind.__name__


@pytest.mark.parametrize("name", READS)
def test_same_as_clearml(name: str) -> None:
    ours, theirs = _configs()
    assert _outcome(READS[name], ours) == _outcome(READS[name], theirs)


def test_a_missing_key_without_a_default() -> None:
    """Theirs is a truthy object; ours is None, and a line in the log says so."""
    ours, theirs = _configs()
    assert ours.get("nope") is None
    assert theirs.get("nope")

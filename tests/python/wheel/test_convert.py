"""Python values to JSON values and back."""

from __future__ import annotations

import collections
import datetime
import enum
import types
from typing import Any, Dict, NamedTuple

import pytest
from podrules._native import convert


class Text(str):
    pass


class Whole(int):
    pass


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    left: int
    right: int


class Model:
    """Like ClearML's models: `to_dict` doesn't convert models inside dicts."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": Colour.RED,
            "inner": {"item": Item()},
            "when": datetime.datetime(2026, 1, 2, 3, 4, 5),
        }


class Item:
    def to_dict(self) -> dict[str, Any]:
        return {"value": "1"}


class Tree(Dict[str, Any]):
    """Like a HOCON tree: its own conversion is used."""

    def as_plain_ordered_dict(self) -> dict[str, Any]:
        return {"plain": True}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def shown(value: Any) -> str:
    return repr(value)[:30] if not isinstance(value, str) else ascii(value)[:30]


SAME: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    2**64 - 1,
    0.0,
    -0.5,
    1e300,
    1.0,
    "",
    "text",
    "ü€😀",
    "\x00",
    "x" * 100_000,
    [],
    {},
    [[], {}, None],
    {"b": 1, "a": 2, "": 3},
    {"a": {"b": [{"c": [True, 1, 1.5, "x"]}]}},
    nested(100),
]


@pytest.mark.parametrize("value", SAME, ids=shown)
@pytest.mark.parametrize("clearml", [False, True])
def test_json_values_are_unchanged(value: Any, clearml: bool) -> None:
    again = convert(value, clearml)
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)


OTHERS: list[Any] = [
    ((1, (2,)), [1, [2]]),
    (Text("a"), "a"),
    ({Text("a"): Text("b")}, {"a": "b"}),
    (Whole(7), 7),
    (Pair(1, 2), [1, 2]),
    (Level.HIGH, 3),
    (collections.OrderedDict([("b", 1), ("a", 2)]), {"b": 1, "a": 2}),
    (types.MappingProxyType({"a": (1,)}), {"a": [1]}),
    (collections.UserDict({"a": 1}), {"a": 1}),
    ({"a": collections.OrderedDict(b=[()])}, {"a": {"b": [[]]}}),
]


@pytest.mark.parametrize(("value", "wanted"), OTHERS, ids=shown)
@pytest.mark.parametrize("clearml", [False, True])
def test_similar_types_are_converted(value: Any, wanted: Any, clearml: bool) -> None:
    assert convert(value, clearml) == wanted


def test_order_is_kept() -> None:
    moved: Any = collections.OrderedDict([("a", 1), ("b", 2)])
    moved.move_to_end("a")
    assert list(convert(moved)) == ["b", "a"]
    assert list(convert({"z": 1, "a": 2, "m": 3})) == ["z", "a", "m"]


CLEARML: list[Any] = [
    (Colour.RED, "red"),
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), "2026-01-02T00:00:00+00:00"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (Model(), {"status": "red", "inner": {"item": {"value": "1"}}, "when": "2026-01-02T03:04:05"}),
    (Tree(a=1), {"plain": True}),
    ({"x": [Tree()]}, {"x": [{"plain": True}]}),
]


@pytest.mark.parametrize(("value", "wanted"), CLEARML, ids=shown)
def test_clearml_objects_are_converted_in_tasks_only(value: Any, wanted: Any) -> None:
    assert convert(value, True) == wanted
    if not isinstance(value, dict):
        with pytest.raises(ValueError, match="can't be written as JSON"):
            convert(value)


WRONG: list[Any] = [
    (2**64, "$: the integer doesn't fit into 64 bits"),
    (-(2**63) - 1, "$: the integer doesn't fit into 64 bits"),
    ({"a": [0, float("nan")]}, "$.a[1]: NaN can't be written as a JSON number"),
    (float("inf"), "$: inf can't be written as a JSON number"),
    ({"a": float("-inf")}, "$.a: -inf can't be written as a JSON number"),
    ({"a": "\ud800"}, "$.a: the text contains an unpaired surrogate"),
    ({"\udfff": 1}, "$: the text contains an unpaired surrogate"),
    ({"a": {1: 2}}, "$.a: the key 1 is of type int; keys must be strings"),
    ({None: 2}, "$: the key None is of type NoneType; keys must be strings"),
    ({True: 2}, "$: the key True is of type bool; keys must be strings"),
    ({(1, 2): 2}, "$: the key (1, 2) is of type tuple; keys must be strings"),
    ({"a": {1}}, "$.a: a value of type set can't be written as JSON"),
    ({"a": b"x"}, "$.a: a value of type bytes can't be written as JSON"),
    (
        {"spec": {"containers": [{"x": object()}]}},
        "$.spec.containers[0].x: a value of type object can't be written as JSON",
    ),
    (1j, "$: a value of type complex can't be written as JSON"),
    (Colour, "$: a value of type enum.EnumMeta can't be written as JSON"),
    (nested(101), "this list nests deeper than 100 levels, or contains itself"),
    (["x" * (33 << 20)] * 2, "$[1]: the value is larger than 64 MiB"),
]


@pytest.mark.parametrize(("value", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
@pytest.mark.parametrize("clearml", [False, True])
def test_other_values_are_refused_with_their_path(value: Any, message: str, clearml: bool) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        convert(value, clearml)
    told = str(caught.value).replace("enum.EnumType", "enum.EnumMeta")
    assert message in told
    assert len(told) < 500


def test_cycles_are_refused() -> None:
    around: dict[str, Any] = {}
    around["self"] = [around]
    for clearml in (False, True):
        with pytest.raises(ValueError, match="or contains itself"):
            convert(around, clearml)
    odd: collections.UserDict[str, Any] = collections.UserDict()
    odd["self"] = odd
    with pytest.raises(ValueError, match="or contains itself"):
        convert(odd)


def test_shared_parts_arent_cycles_but_count_each_time() -> None:
    part = {"a": 1}
    assert convert([part, part]) == [part, part]
    bomb: Any = "x"
    for _ in range(60):
        bomb = [bomb, bomb]
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        convert(bomb)


def test_the_result_is_a_copy() -> None:
    value: dict[str, Any] = {"a": [{"b": []}]}
    again = convert(value)
    assert again is not value
    assert again["a"] is not value["a"]
    assert again["a"][0] is not value["a"][0]
    again["a"][0]["b"].append(1)
    assert value == {"a": [{"b": []}]}


def test_exceptions_while_reading_are_reported() -> None:
    class Bad:
        def to_dict(self) -> Any:
            raise RuntimeError("no")

    class BadMapping(collections.OrderedDict):  # type: ignore[type-arg]
        def items(self) -> Any:
            raise RuntimeError("no")

    with pytest.raises(ValueError, match=r"\$\.a: reading it raised RuntimeError: no"):
        convert({"a": Bad()}, True)
    with pytest.raises(ValueError, match=r"\$\.a: reading it raised RuntimeError: no"):
        convert({"a": BadMapping()})


def test_many_different_keys_stay_distinct() -> None:
    for start in range(0, 5000, 50):
        value = {f"key-{i}": {f"inner-{i}": f"value-{i}"} for i in range(start, start + 50)}
        assert convert(value) == value

"""What hooks get where no agent is: dicts that look like ClearML's objects."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

# What a task of ClearML has; those that a dict leaves out are None, as in ClearML's own object.
_FIELDS = """
id name user company type status comment created started completed active_duration parent project output
execution container models script tags system_tags hyperparams configuration runtime last_change last_update
last_worker last_iteration last_metrics status_changed status_message status_reason published
"""
_KNOWN = frozenset(_FIELDS.split())


class _Mapping(Mapping[str, Any]):
    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getitem__(self, key: str) -> Any:
        return self._wrapped(self._fields[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}({dict(self._fields)!r})"

    def to_dict(self) -> dict[str, Any]:
        """The fields as they were given."""
        return dict(self._fields)

    def _wrapped(self, value: Any) -> Any:
        raise NotImplementedError


class _TaskData(_Mapping):
    """A task, or a part of one, by attributes and by keys."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._fields:
            return self._wrapped(self._fields[name])
        if name in _KNOWN and "id" in self._fields:
            return None
        raise AttributeError(f"the task has no {name}")

    def _wrapped(self, value: Any) -> Any:
        return _TaskData(_items(value)) if _is_mapping(value) else value


class _Config(_Mapping):
    """A configuration: `get("a.b.c", default)` looks into its parts."""

    def get(self, key: str, default: Any = None) -> Any:
        here: Any = self._fields
        for part in _parts(key):
            if not _is_mapping(here) or part not in here:
                return default
            here = _items(here)[part]
        return self._wrapped(here)

    def _wrapped(self, value: Any) -> Any:
        return _Config(_items(value)) if _is_mapping(value) else value


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _items(value: Any) -> Mapping[str, Any]:
    return value


def _parts(key: str) -> list[str]:
    return key.split(".")


def task_data(task: Mapping[str, Any]) -> Any:
    """What hooks get as `task_data`. A whole answer of the API counts as the task in it."""
    for key in ("data", "task"):
        inner = task.get(key)
        if not isinstance(task.get("id"), str) and _is_mapping(inner):
            task = _items(inner)
    return _TaskData(task)


def task_config(config: Mapping[str, Any] | None) -> Any:
    """What hooks get as `task_config`."""
    return _Config(config or {})

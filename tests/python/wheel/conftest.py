"""Fixtures for the tests of the wheel."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Iterator

import podrules
import pytest
from podrules import _update
from support import Clock, rules_text


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., podrules.Rules]:
    """Loads rules from a text without the header."""

    def load(body: str, **options: Any) -> podrules.Rules:
        file = tmp_path / "rules.yaml"
        file.write_text(rules_text(body), encoding="utf-8")
        return podrules.load(file, **options)

    return load


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """Writes Python modules for hooks; they are unloaded after the test."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))  # pyright: ignore[reportUnknownMemberType]
    before = set(sys.modules)

    def write(name: str, text: str) -> Path:
        file = folder / f"{name}.py"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of an `update_template` that has loaded nothing yet."""
    clock = Clock()
    monkeypatch.setattr(_update, "_watched", _update.Watched(clock))
    return clock

"""The examples of docs/python.md work as documented."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

PAGE = ROOT / "docs" / "python.md"


def blocks() -> list[tuple[str, str]]:
    """The fenced blocks of the page, each with its info string."""
    found = re.findall(
        r"^```(\w*)[^\n]*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [(str(word), str(text)) for word, text in found]


def test_the_examples_print_their_documented_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    printed = ""
    ran = 0
    for word, text in blocks():
        file = re.match(r"# (\w+\.yaml)\n", text)
        if word == "yaml" and file:
            Path(file.group(1)).write_text(text, encoding="utf-8")
        elif word == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(text, str(PAGE), "exec"), names)
            printed = output.getvalue()
            ran += 1
        elif word == "text":
            # The page doesn't keep blank lines and trailing spaces.
            assert [line.rstrip() for line in printed.strip("\n").splitlines()] == text.rstrip().splitlines()
    assert ran >= 4

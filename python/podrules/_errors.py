"""The exception for rules that can't be loaded, or that fail."""

from __future__ import annotations

from typing import Any


class RulesError(Exception):
    """Rules have mistakes, or a rule failed for a task.

    `str()` is the complete report, which quotes the lines with mistakes; `summary` is one line.
    `diagnostics` is the report as data: a list of dicts with `code`, `severity`, `message`, and, where known,
    `file`, `line`, `column`, `rule`, `help` and `detail`.
    `log` is what rules logged before one failed: pairs of a rule's name and a line.
    """

    summary: str
    diagnostics: list[dict[str, Any]]
    log: list[tuple[str, str]]

    def __init__(self, report: str, summary: str, diagnostics: list[dict[str, Any]]) -> None:
        super().__init__(report, summary, diagnostics)
        self.summary = summary
        self.diagnostics = diagnostics
        self.log = []

    def __str__(self) -> str:
        return str(self.args[0])


# Tracebacks show the module from which it is imported.
RulesError.__module__ = "podrules"

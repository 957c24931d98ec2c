"""The exception of rules that can't be loaded, or that fail."""

from __future__ import annotations

from typing import Any


class RulesError(Exception):
    """Rules have mistakes, or a rule failed for a task.

    `str()` gives the whole report with the lines that are wrong, `summary` one line, `diagnostics` the same
    as data: a list of dicts with `code`, `severity`, `message`, and where they are known `file`, `line`,
    `column`, `rule`, `help`, `detail`.
    `log` is what rules logged until one failed: pairs of a rule's name and a line.
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


# What people see is where it is to be imported from.
RulesError.__module__ = "podrules"

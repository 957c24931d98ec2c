"""Why a task failed, for its status and its log."""

from __future__ import annotations

import traceback
import unicodedata

MOST_STATUS_CHARACTERS = 500
MOST_LOG_LINES = 400
MOST_LINE_CHARACTERS = 4000


class TaskFailure(Exception):
    """The task can't be launched. `summary` is one line for its status, `report` is the complete text for its
    log."""

    def __init__(self, summary: str, report: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.report = report or summary


def one_line(text: str, limit: int = MOST_STATUS_CHARACTERS) -> str:
    """The text as one line of at most `limit` characters, without control characters."""
    visible = "".join(" " if unicodedata.category(char).startswith(("C", "Z")) else char for char in text)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def log_lines(text: str) -> list[str]:
    """The text as lines for a log, each with its line break, because ClearML joins the lines of an event
    without any."""
    lines = [_shown(line) for line in text.splitlines()]
    if len(lines) > MOST_LOG_LINES:
        left_out = len(lines) - MOST_LOG_LINES
        lines = [*lines[:MOST_LOG_LINES], f"… and {left_out} more lines"]
    return [line + "\n" for line in lines]


def _shown(line: str) -> str:
    """The line without control characters except tabs, shortened."""
    kept = "".join(char for char in line if char == "\t" or not unicodedata.category(char).startswith("C"))
    return kept if len(kept) <= MOST_LINE_CHARACTERS else kept[: MOST_LINE_CHARACTERS - 1] + "…"


def as_failure(error: BaseException) -> TaskFailure:
    """Any exception as a failure. The report of an unexpected one is its traceback."""
    import podrules

    if isinstance(error, TaskFailure):
        return error
    if isinstance(error, podrules.RulesError):
        return TaskFailure(str(error.summary), str(error))
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    report = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return TaskFailure(f"the task could not be launched: {name}", report)

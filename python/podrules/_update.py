"""`update_template`, which ClearML Enterprise's agent calls for each task, and the rules that it keeps."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from typing import Any, Callable, Mapping, Tuple

from podrules import _native
from podrules._errors import RulesError
from podrules._load import expand, load

VARIABLE = "PODRULES_RULES"

_logger = logging.getLogger("podrules")
# Without a handler Python prints warnings to stderr by itself, where they are already.
_logger.addHandler(logging.NullHandler())

Signature = Tuple[Any, ...]


def update_template(
    queue: str,
    queue_name: str,
    template: dict[str, Any],
    task_data: Any,
    providers_info: Any,
    task_config: Any,
    worker: Any,
    task_dict: Mapping[str, Any] | None = None,
    *args: Any,
    **kwargs: Any,
) -> dict[str, Any]:
    """Runs the rules that `PODRULES_RULES` names on the template of a task: for ClearML Enterprise's
    `CLEARML_K8S_GLUE_TEMPLATE_MODULE=podrules:update_template`.

    `PODRULES_RULES` holds files, folders and globs, with commas or colons between. Files that change are read
    again. Only rules of the stage `template` run. Raises `RulesError`, which fails the task, if a rule fails.
    """
    try:
        edited, lines = _native.update(
            _watched.current(),
            queue or "",
            queue_name or "",
            template,
            task_data,
            providers_info,
            task_config,
            worker,
            task_dict,
            kwargs,
        )
    except RulesError as error:
        for rule, line in error.log:
            _say(f"rule {rule}: {line}")
        raise
    for line in lines:
        _say(line)
    return {"template": edited}


def _say(line: str) -> None:
    print(f"podrules: {line}", flush=True)


class Watched:
    """Rules of files that may change. `current` is safe to call from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, interval: float = 1.0) -> None:
        self._clock = clock
        self._interval = interval
        self._lock = threading.Lock()
        self._rules: _native.Rules | None = None
        self._next = 0.0
        self._signature: Signature = ()
        self._fresh = False

    def current(self) -> _native.Rules:
        """The rules as they stand in the files; those from before if the files are wrong now."""
        rules = self._rules
        if rules is None:
            with self._lock:
                # Another thread may have loaded them meanwhile.
                return self._rules or self._first()
        if self._clock() >= self._next and self._lock.acquire(blocking=False):
            # Threads that come while one looks go on with the rules from before.
            try:
                self._look(rules)
            finally:
                self._lock.release()
        return self._rules or rules

    def _first(self) -> _native.Rules:
        named = _named()
        if not named:
            message = f"the environment variable {VARIABLE} names no rules"
            report = f"error[input]: {message}\nhelp: set it to files or folders, such as /etc/podrules"
            data: dict[str, Any] = {"code": "input", "severity": "error", "message": message, "related": []}
            raise RulesError(report, message, [data])
        self._signature, self._fresh = _look_at(named)
        self._rules = rules = load(*named)
        self._next = self._clock() + self._interval
        _tell_warnings(rules)
        return rules

    def _look(self, rules: _native.Rules) -> None:
        """Reads the files again if they changed. Called with the lock held."""
        self._next = self._clock() + self._interval
        named = _named()
        signature, fresh = _look_at(named)
        changed = signature != self._signature
        # A file that was just written may be written again within the same tick of the file system's clock.
        if not changed and not self._fresh:
            return
        self._signature, self._fresh = signature, fresh
        try:
            self._rules = load(*named)
        except Exception as error:  # Whatever it is: tasks go on with the rules that worked.
            if changed:
                _tell(
                    logging.ERROR, f"the rules changed and can't be loaded; those from before stay:\n{error}"
                )
            return
        if changed:
            _tell(
                logging.INFO,
                f"the rules changed and were loaded: {len(self._rules)} rules, before {len(rules)}",
            )
            _tell_warnings(self._rules)


def _named() -> list[str]:
    """What the environment variable holds."""
    separators = f"[,{re.escape(os.pathsep)}\n]"
    return [part.strip() for part in re.split(separators, os.environ.get(VARIABLE, "")) if part.strip()]


def _look_at(named: list[str]) -> tuple[Signature, bool]:
    """What tells whether files changed, and whether one of them was written just now."""
    files, problems = expand(named)
    now = time.time()
    fresh = False
    seen: list[tuple[Any, ...]] = []
    for file in files:
        try:
            stat = os.stat(file)
        except OSError:
            seen.append((file, None))
            continue
        fresh = fresh or 0 <= now - stat.st_mtime < 1
        seen.append((file, stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return (tuple(named), tuple(seen), tuple(problems)), fresh


def _tell_warnings(rules: _native.Rules) -> None:
    for warning in rules.warnings:
        _tell(logging.WARNING, f"warning: {warning}")
    late = _native.pod_rules(rules)
    if late:
        _tell(
            logging.WARNING,
            "warning: rules of the stage pod never run here, for ClearML's agent shows only the template: "
            f"{', '.join(late)}",
        )


def _tell(level: int, text: str) -> None:
    """Says something in the agent's log, whether that is the logging module's or what the process prints."""
    _logger.log(level, "%s", text)
    print(f"podrules: {text}", file=sys.stderr, flush=True)


_watched = Watched()

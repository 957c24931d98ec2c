"""`update_template`, which ClearML Enterprise's agent calls for each task, and reloading of its rules."""

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
# Without a handler Python itself would print warnings to stderr, a second time.
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
    """Runs rules on the template of a task. The function for ClearML Enterprise's
    `CLEARML_K8S_GLUE_TEMPLATE_MODULE=podrules:update_template`.

    The environment variable `PODRULES_RULES` names the rules: files, folders and globs, separated by commas
    or colons. Files that change are reloaded. Only rules with `stage: template` run.

    Raises `RulesError` if a rule fails, which fails the task.
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
            _print(f"rule {rule}: {line}")
        raise
    for line in lines:
        _print(line)
    return {"template": edited}


def _print(line: str) -> None:
    print(f"podrules: {line}", flush=True)


class Watched:
    """Rules that are reloaded when their files change. Threads can call `current` concurrently."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, interval: float = 1.0) -> None:
        self._clock = clock
        self._interval = interval
        self._lock = threading.Lock()
        self._rules: _native.Rules | None = None
        self._next = 0.0
        self._signature: Signature = ()
        self._fresh = False

    def current(self) -> _native.Rules:
        """The rules in the files, or the last ones that could be loaded if the files now have mistakes."""
        rules = self._rules
        if rules is None:
            with self._lock:
                # Another thread may have loaded them in the meantime.
                return self._rules or self._first()
        if self._clock() >= self._next and self._lock.acquire(blocking=False):
            # Other threads keep using the previous rules meanwhile.
            try:
                self._reload(rules)
            finally:
                self._lock.release()
        return self._rules or rules

    def _first(self) -> _native.Rules:
        named = _named()
        if not named:
            message = f"the environment variable {VARIABLE} isn't set or is empty"
            report = f"error[input]: {message}\nhelp: set it to files or folders, such as /etc/podrules"
            data: dict[str, Any] = {"code": "input", "severity": "error", "message": message, "related": []}
            raise RulesError(report, message, [data])
        self._signature, self._fresh = _signature_of(named)
        self._rules = rules = load(*named)
        self._next = self._clock() + self._interval
        _log_warnings(rules)
        return rules

    def _reload(self, rules: _native.Rules) -> None:
        """Loads the files again if they have changed. The caller holds the lock."""
        self._next = self._clock() + self._interval
        named = _named()
        signature, fresh = _signature_of(named)
        changed = signature != self._signature
        # A file that was just written may be written again within the resolution of the file system's clock.
        if not changed and not self._fresh:
            return
        self._signature, self._fresh = signature, fresh
        try:
            self._rules = load(*named)
        except Exception as error:  # Any error: tasks keep using the previous rules.
            if changed:
                _log(
                    logging.ERROR,
                    f"the rules have changed but can't be loaded; the previous rules are used:\n{error}",
                )
            return
        if changed:
            _log(
                logging.INFO,
                f"reloaded the changed rules ({len(self._rules)}, previously {len(rules)})",
            )
            _log_warnings(self._rules)


def _named() -> list[str]:
    """The paths in the environment variable."""
    separators = f"[,{re.escape(os.pathsep)}\n]"
    return [part.strip() for part in re.split(separators, os.environ.get(VARIABLE, "")) if part.strip()]


def _signature_of(named: list[str]) -> tuple[Signature, bool]:
    """A value that differs once the files have changed, and whether a file was written in the last second."""
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


def _log_warnings(rules: _native.Rules) -> None:
    for warning in rules.warnings:
        _log(logging.WARNING, f"warning: {warning}")
    late = _native.pod_rules(rules)
    if late:
        _log(
            logging.WARNING,
            "warning: rules with stage: pod never run here, because ClearML's agent only passes the template:"
            f" {', '.join(late)}",
        )


def _log(level: int, text: str) -> None:
    """Writes to the logging module and to stderr: either may be the agent's log."""
    _logger.log(level, "%s", text)
    print(f"podrules: {text}", file=sys.stderr, flush=True)


_watched = Watched()

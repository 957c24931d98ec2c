"""Settings from environment variables."""

from __future__ import annotations

import os
import re
from typing import Sequence

import podrules
from podrules.clearml.kubectl import DEFAULT_TIMEOUT

RULES_VARIABLE = "PODRULES_RULES"
VALUES_VARIABLE = "PODRULES_VALUES"
TIMEOUT_VARIABLE = "PODRULES_KUBECTL_TIMEOUT"


def load_rules(rules: Sequence[str] = (), values: Sequence[str] = ()) -> podrules.Rules | None:
    """The rules of these files and folders, by default those of `PODRULES_RULES` and `PODRULES_VALUES`; None
    if there are neither. Raises RulesError if they have mistakes."""
    rules = rules or _paths(RULES_VARIABLE)
    values = values or _paths(VALUES_VARIABLE)
    return podrules.load(*rules, values=list(values)) if rules or values else None


def _paths(variable: str) -> list[str]:
    """The paths in a variable, separated by commas, line breaks, or the separator of `PATH`."""
    parts = re.split(f"[,\n{re.escape(os.pathsep)}]", os.environ.get(variable, ""))
    return [part.strip() for part in parts if part.strip()]


def kubectl_timeout() -> float:
    """The timeout of one call of kubectl, in seconds. Raises ValueError if the variable isn't one."""
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip()
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86400:
        raise ValueError(f"{TIMEOUT_VARIABLE} must be a number of seconds up to 86400, not {text!r}")
    return seconds

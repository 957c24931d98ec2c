"""Loading rules from files, folders and globs."""

from __future__ import annotations

import glob
import os
import sys
from typing import Iterable, Optional, Tuple, Union

from podrules import _native

StrPath = Union[str, "os.PathLike[str]"]
Problem = Tuple[str, Optional[str]]

_YAML = (".yaml", ".yml")


def load(
    *rules: StrPath,
    values: StrPath | Iterable[StrPath] | None = None,
    python_path: StrPath | Iterable[StrPath] = (),
) -> _native.Rules:
    """Reads and compiles rules.

    `rules` are files, folders (their YAML files in the order of their names, without hidden ones) and globs.
    `values` are values files of the ClearML agent's chart, merged in the given order; their rules come first.
    `python_path` are folders with the modules that `python:` rules name; they are put at the front of
    `sys.path`.

    Raises `RulesError` with all mistakes.
    """
    files, problems = expand(rules)
    if not rules and values is None:
        problems.append(("there is nothing to load", "pass rules files or values files"))
    value_files = [os.fspath(path) for path in _several(values)]
    for folder in reversed([os.path.abspath(path) for path in _several(python_path)]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return _native.load(files, value_files, problems)


def expand(paths: Iterable[StrPath]) -> tuple[list[str], list[Problem]]:
    """The files that the paths name, each once, and a problem for each path that names none."""
    files: list[str] = []
    problems: list[Problem] = []
    for path in [os.fspath(path) for path in paths]:
        try:
            found = _folder(path) if os.path.isdir(path) else _file_or_glob(path)
        except OSError as error:
            problems.append((f"{path} can't be read: {error.strerror or error}", None))
            continue
        if not found:
            what = "contains no YAML file" if os.path.isdir(path) else "matches no file"
            problems.append((f"{path} {what}", None))
        files += [file for file in found if file not in files]
    return files, problems


def _folder(path: str) -> list[str]:
    """The YAML files of a folder, without hidden ones, in which Kubernetes keeps a ConfigMap's versions."""
    names = sorted(name for name in os.listdir(path) if name.endswith(_YAML) and not name.startswith("."))
    files = [os.path.join(path, name) for name in names]
    return [file for file in files if not os.path.isdir(file)]


def _file_or_glob(path: str) -> list[str]:
    if glob.has_magic(path) and not os.path.lexists(path):
        return sorted(file for file in glob.glob(path, recursive=True) if not os.path.isdir(file))
    return [path]


def _several(paths: StrPath | Iterable[StrPath] | None) -> list[StrPath]:
    """One path, several paths or none, as a list."""
    if paths is None:
        return []
    if isinstance(paths, (str, os.PathLike)):
        return [paths]
    return list(paths)

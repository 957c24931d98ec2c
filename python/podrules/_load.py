"""Paths, globs and folders to compiled rules."""

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
    """Reads and compiles rules; raises `RulesError` with all their mistakes.

    `rules` are files, folders (their YAML files by name, hidden ones left out) and globs. `values` are values
    files of the ClearML agent's chart, merged in the order given; their rules come first. `python_path` are
    folders with the modules that `python:` rules name: they're put at the front of `sys.path`.
    """
    files, problems = expand(rules)
    if not rules and values is None:
        problems.append(("there is nothing to load", "name rules files or values files"))
    value_files = [os.fspath(path) for path in _several(values)]
    for folder in reversed([os.path.abspath(path) for path in _several(python_path)]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return _native.load(files, value_files, problems)


def expand(paths: Iterable[StrPath]) -> tuple[list[str], list[Problem]]:
    """The files that paths stand for, each once, and the paths that stand for none."""
    files: list[str] = []
    problems: list[Problem] = []
    for path in [os.fspath(path) for path in paths]:
        try:
            found = _folder(path) if os.path.isdir(path) else _file_or_glob(path)
        except OSError as error:
            problems.append((f"{path} can't be read: {error.strerror or error}", None))
            continue
        if not found:
            what = "holds no YAML file" if os.path.isdir(path) else "matches no file"
            problems.append((f"{path} {what}", None))
        files += [file for file in found if file not in files]
    return files, problems


def _folder(path: str) -> list[str]:
    """The YAML files of a folder but hidden ones: Kubernetes keeps a ConfigMap's versions in them."""
    names = sorted(name for name in os.listdir(path) if name.endswith(_YAML) and not name.startswith("."))
    files = [os.path.join(path, name) for name in names]
    return [file for file in files if not os.path.isdir(file)]


def _file_or_glob(path: str) -> list[str]:
    if glob.has_magic(path) and not os.path.lexists(path):
        return sorted(file for file in glob.glob(path, recursive=True) if not os.path.isdir(file))
    return [path]


def _several(paths: StrPath | Iterable[StrPath] | None) -> list[StrPath]:
    """One path, several, or none."""
    if paths is None:
        return []
    if isinstance(paths, (str, os.PathLike)):
        return [paths]
    return list(paths)

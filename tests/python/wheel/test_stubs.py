"""The type stubs match the built module."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import podrules
import pytest
from podrules import _native

PACKAGE = Path(str(podrules.__file__)).parent
STUB = ast.parse((PACKAGE / "_native.pyi").read_text(encoding="utf-8"))
# Members that every Python class has, or that Python looks up itself.
IMPLIED = {"__doc__", "__module__", "__repr__", "__new__"}


def stub_parameters(function: ast.FunctionDef) -> list[str]:
    """The parameters as `inspect` shows them, without types."""
    arguments = function.args
    names = [argument.arg for argument in arguments.args]
    defaults = [ast.literal_eval(default) for default in arguments.defaults]
    first = len(names) - len(defaults)
    shown = names[:first] + [f"{name}={value!r}" for name, value in zip(names[first:], defaults)]
    if arguments.kwonlyargs:
        shown.append("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        shown.append(argument.arg if default is None else f"{argument.arg}={ast.literal_eval(default)!r}")
    return shown


def real_parameters(function: Any) -> list[str]:
    """The parameters of a built function."""
    shown: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        empty = parameter.default is parameter.empty
        shown.append(parameter.name if empty else f"{parameter.name}={parameter.default!r}")
    return shown


def stub_members(nodes: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = stub_members(STUB.body)


def test_the_module_matches_the_stub() -> None:
    values = {
        node.target.id
        for node in STUB.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    told = set(CLASSES) | set(FUNCTIONS) | values
    real = {name for name in vars(_native) if not name.startswith("__")} | {"__version__"}
    assert told == real


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_classes_match_the_stub(name: str) -> None:
    members = stub_members(CLASSES[name].body)
    cls: type = getattr(_native, name)
    real = {member: value for member, value in vars(cls).items() if member not in IMPLIED}
    assert set(members) == set(real)
    for member, node in members.items():
        is_property = any(
            isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list
        )
        assert is_property == inspect.isdatadescriptor(real[member]), member
        if not is_property and not member.startswith("__"):
            assert stub_parameters(node) == real_parameters(real[member]), member


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_match_the_stub(name: str) -> None:
    assert stub_parameters(FUNCTIONS[name]) == real_parameters(getattr(_native, name))


def test_everything_public_exists_and_is_documented() -> None:
    for name in podrules.__all__:
        value: Any = getattr(podrules, name)
        if name != "__version__":
            assert value.__doc__, name
    assert (PACKAGE / "py.typed").exists()
    for cls in (podrules.Rules, podrules.Edited, podrules.Rendered, podrules.Companion, podrules.RulesError):
        assert cls.__module__ == "podrules"

"""The description of an exception that a hook raised."""

from __future__ import annotations

import sys
import traceback

_MOST_CHARACTERS = 20_000
_IMPORT_MACHINERY = ("<frozen importlib", "importlib/__init__.py", "importlib\\__init__.py")


def describe(error: BaseException, module: str, importing: bool) -> tuple[str, str, str | None]:
    """The message, which follows "the hook module:function", the traceback, and the help."""
    if importing and isinstance(error, ModuleNotFoundError) and _is_module(error.name, module):
        return (
            f"can't be imported: there is no module {error.name}",
            "",
            "add its folder to PYTHONPATH, or pass it as python_path",
        )
    where = _place(error, module)
    name = _name(error)
    text = _traceback(error)
    if importing and isinstance(error, SyntaxError):
        return f"can't be imported: {name}{where}", "", None
    if importing:
        return f"can't be imported: its module raised {name}{where}", text, None
    if isinstance(error, SystemExit):
        return f"tried to end the agent: {name}{where}", text, None
    return f"raised {name}{where}", text, None


def _is_module(missing: str | None, module: str) -> bool:
    """Whether the missing module is the hook's own, or a package around it, not one that the hook imports."""
    return missing is not None and (missing == module or module.startswith(missing + "."))


def _name(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # An exception's own __str__ may fail.
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in _IMPORT_MACHINERY)
    ]


def _place(error: BaseException, module: str) -> str:
    """The innermost place in the hook's own file; if there is none, where it was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = _frames(error)
    if not frames:
        return ""
    own = getattr(sys.modules.get(module), "__file__", None)
    frame = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1])
    return f" ({frame.filename}:{frame.lineno})"


def _traceback(error: BaseException) -> str:
    frames = _frames(error)
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    lines += traceback.format_exception_only(type(error), error)
    cause = error.__cause__
    if cause is not None:
        lines = [_traceback(cause), "\n\nwhich led to\n\n", *lines]
    text = "".join(lines).rstrip()
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"

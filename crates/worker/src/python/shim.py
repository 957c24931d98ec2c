# pyright: basic
# What hooks return has no types.
"""The Python side of a podrules worker: reads requests from fd 0, calls hooks, answers on the original fd 1.

A message is its length in 4 bytes, big-endian, and JSON. What a hook prints, and what it or a child of it
writes to fd 1 or 2, goes to the pipe that podrules reads as the hook's log.
"""

import _thread
import contextlib
import faulthandler
import importlib
import json
import os
import signal
import sys
import time

from _podrules_clearml import Config, Worker, task_object  # pyright: ignore[reportMissingImports]

# Characters of a traceback that are kept, from its end.
MOST_TRACEBACK = 8000
# Seconds that a hook's threads have to end after it returned.
THREADS_END = 0.2


class Fault(Exception):
    """Why a hook failed, as it is sent to podrules."""

    def __init__(self, kind, message, **more):
        super().__init__(message)
        self.answer = dict(more, kind=kind, message=message)


class Channel:
    """The pipes to podrules, out of a hook's reach."""

    def __init__(self):
        self.requests = os.dup(0)
        self.answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def receive(self):
        length = int.from_bytes(self._exactly(4), "big")
        return json.loads(self._exactly(length))

    def _exactly(self, count):
        parts = []
        while count:
            part = os.read(self.requests, min(count, 1 << 20))
            if not part:
                real_exit(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(self, text):
        for stream in (sys.stdout, sys.stderr):
            # The hook may have closed or replaced it.
            with contextlib.suppress(Exception):
                stream.flush()
        body = text.encode("utf-8")
        rest = memoryview(len(body).to_bytes(4, "big") + body)
        while rest:
            rest = rest[os.write(self.answers, rest) :]

    def send_fault(self, number, answer):
        self.send(json.dumps({"id": number, "fault": answer}))


class Modules:
    """The hooks' modules, and whether their files have changed since they were imported."""

    def __init__(self, folders):
        self.folders = [os.path.join(folder, "") for folder in folders]
        sys.path[:0] = folders
        self.seen = {}
        self.counted = 0

    def function(self, module_name, function_name):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if module_name == error.name or module_name.startswith(f"{error.name}."):
                raise Fault("missing-module", f"there is no module `{error.name}`") from error
            raise import_fault(error) from error
        except BaseException as error:  # sys.exit() on import, too
            raise import_fault(error) from error
        self._remember()
        function = getattr(module, function_name, None)
        if not callable(function):
            message = f"the module `{module_name}` has no function `{function_name}`"
            known = [
                name for name, value in vars(module).items() if callable(value) and not name.startswith("_")
            ]
            where = getattr(module, "__file__", None)
            raise Fault("missing-function", message, known=known[:50], frames=[frame(where, 1, "<module>")])
        return function

    def _remember(self):
        if len(sys.modules) == self.counted:
            return
        self.counted = len(sys.modules)
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path not in self.seen and path.startswith(tuple(self.folders)):
                self.seen[path] = stamp(path)

    def stale(self):
        return any(stamp(path) != was for path, was in self.seen.items())


def stamp(path):
    try:
        found = os.stat(path)
        return (found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError:
        return None


def frame(path, line, function):
    return {"file": path, "line": line, "function": function}


def import_fault(error):
    fault = described(error)
    if isinstance(error, SyntaxError) and error.filename:
        fault["frames"] = [frame(error.filename, error.lineno or 1, "<module>")]
        fault["message"] = f"SyntaxError: {error.msg}"
        fault["column"] = error.offset
    return Fault("import", **fault)


def described(error):
    """An exception's last line, its frames without those of this file, and its traceback."""
    import traceback

    chain, seen = error, set()
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        tb = chain.__traceback__
        while tb is not None and is_entry(tb.tb_frame.f_code.co_filename):
            tb = tb.tb_next
        chain.__traceback__ = tb
        chain = chain.__cause__ or chain.__context__
    lines = traceback.format_exception_only(type(error), error)
    frames = [
        frame(f.filename, f.lineno, f.name) for f in traceback.extract_tb(error.__traceback__, limit=-20)
    ]
    text = without_markers("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    return {
        "message": lines[-1].strip()[:2000] if lines else type(error).__name__,
        "frames": frames,
        "traceback": text[-MOST_TRACEBACK:],
        "type": type(error).__name__,
    }


def without_markers(text):
    """A traceback without the lines of ^ and ~ that newer versions add: podrules shows the place itself."""
    return "".join(line for line in text.splitlines(True) if line.strip(" ~^\n") or not line.strip())


def is_entry(path):
    return own(path) or path == importlib.__file__


def own(path):
    return path.startswith("<podrules") or path.startswith("<frozen importlib")


def stack(of=None):
    """The hook's stack: its frames, and their text."""
    import traceback

    entries = [e for e in traceback.extract_stack(of, limit=50) if not own(e.filename)]
    text = "Traceback (most recent call last):\n" + "".join(traceback.format_list(entries))
    return {
        "frames": [frame(e.filename, e.lineno, e.name) for e in entries],
        "traceback": text[-MOST_TRACEBACK:],
    }


def call(function, request):
    before = _thread._count()
    arguments = {
        "queue": request["queue"],
        "queue_name": request["queue_name"],
        "template": request["template"],
        "task_data": task_object(request["task"]),
        "providers_info": request["providers"],
        "task_config": Config(request["config"]),
        "worker": Worker(request["worker_id"]),
        "task_dict": request["task"],
    }
    try:
        result = function(**arguments)
    except SystemExit as error:
        fault = described(error)
        fault["message"] = "called sys.exit(%s)" % ("" if error.code is None else repr(error.code)[:100])
        raise Fault("exit", **fault) from error
    except MemoryError as error:
        raise Fault("memory", **described(error)) from error
    except BaseException as error:
        fault = described(error)
        if not fault["frames"]:
            fault["frames"] = [defined(function)]
        raise Fault("raised", **fault) from error
    if _thread._count() > before:
        look_for_threads(before)
    if not isinstance(result, dict):
        message = f'returned {kind(result)}; expected {{"template": template}}'
        raise Fault("result", message, frames=[defined(function)])
    if "template" not in result:
        message = 'returned a dict without "template": it has %s' % (
            ", ".join(map(repr, list(result)[:10])) or "no keys"
        )
        raise Fault("result", message, frames=[defined(function)])
    return result["template"]


def defined(function):
    code = getattr(function, "__code__", None)
    if code is None:
        return frame(None, 1, getattr(function, "__name__", "?"))
    return frame(code.co_filename, code.co_firstlineno, code.co_name)


def kind(value):
    return "None" if value is None else f"a value of type {type(value).__name__}"


def look_for_threads(before):
    deadline = time.monotonic() + THREADS_END
    while _thread._count() > before and time.monotonic() < deadline:
        time.sleep(0.005)
    left = _thread._count() - before
    if left > 0:
        import threading

        names = {thread.ident: thread.name for thread in threading.enumerate()}
        mine = _thread.get_ident()
        others = [(ident, at) for ident, at in sys._current_frames().items() if ident != mine]
        ident, at = others[-1] if others else (None, None)
        message = "left {} thread{} running: {}".format(
            left, "" if left == 1 else "s", names.get(ident, "unnamed")
        )
        raise Fault("threads", message, **(stack(at) if at else {}))


def written(template, function):
    """The template as JSON text. A value that JSON doesn't have is a Fault with its path."""
    try:
        text = json.dumps(template, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
        return text
    except (TypeError, ValueError, RecursionError) as error:
        found = offending(template, "$", 0) or str(error)
        message = f"returned a template that isn't valid JSON: {found}"
        raise Fault("result", message, frames=[defined(function)]) from error


def offending(value, path, depth):
    if depth > 100:
        return f"{path[:200]}… is nested too deeply, or contains itself"
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, (str, int, float, bool, type(None))):
                return f"{path} has a key of type {type(key).__name__}"
            found = offending(part, f"{path}.{str(key)[:100]}", depth + 1)
            if found:
                return found
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            found = offending(part, f"{path}[{index}]", depth + 1)
            if found:
                return found
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"{path} is {value!r}"
    elif isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return f"{path} contains an unpaired surrogate"
    elif not isinstance(value, (int, type(None))):
        return f"{path} is a value of type {type(value).__name__}"
    return None


def limit_memory(most):
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def report_exit(channel, state):
    """Makes os._exit() report the hook's stack before the process exits."""
    own_process = os.getpid()

    def leave(status):
        if os.getpid() == own_process and state["busy"]:
            channel.send_fault(
                state["id"], dict(stack(), kind="exit", message=f"called os._exit({status!r})")
            )
        real_exit(status)

    os._exit = leave


def main():
    channel = Channel()
    setup = channel.receive()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]
    faulthandler.enable(file=2)
    # podrules sends this signal to a hook that has timed out.
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=False)
    limit_memory(setup["memory"])
    modules = Modules(setup["path"])
    sys.argv = [""]
    state = {"id": 0, "busy": False}
    report_exit(channel, state)
    channel.send("ready")
    while True:
        request = channel.receive()
        number = state["id"] = request["id"]
        if modules.stale():
            channel.send(json.dumps({"id": number, "stale": True}))
            continue
        state["busy"] = True
        try:
            function = modules.function(request["module"], request["function"])
            if request["template"] is None:
                channel.send(json.dumps({"id": number, "template": None}))
            else:
                text = written(call(function, request), function)
                modules._remember()
                channel.send(f'{{"id":{number},"template":{text}}}')
        except Fault as fault:
            channel.send_fault(number, fault.answer)
        state["busy"] = False


real_exit = os._exit
main()

"""Calls of kubectl: as argument lists, never in a shell, each with a timeout. Exit status 0 is success."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, Any, Dict, Generator, Sequence

DEFAULT_TIMEOUT = 120.0
MOST_OUTPUT_BYTES = 16 << 20

Manifest = Dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The result of a call. `status` is None if kubectl could not be started, or didn't exit in time."""

    status: int | None
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether kubectl succeeded. Its stderr doesn't matter, as it contains warnings too."""
        return self.status == 0

    @property
    def error(self) -> str:
        """The error, as kubectl printed it if it did; empty if it succeeded."""
        if self.ok:
            return ""
        return self.stderr.strip() or self.stdout.strip() or f"kubectl exited with status {self.status}"

    def object(self) -> Manifest:
        """The object that kubectl printed. Raises ValueError if it isn't one."""
        value: Any = json.loads(self.stdout)
        if not isinstance(value, dict):
            raise ValueError("kubectl printed something that isn't an object")
        return value  # pyright: ignore[reportUnknownVariableType] # JSON has no types


def reference(manifest: Manifest) -> Manifest:
    """The manifest's kind, name and namespace alone."""
    metadata: Any = manifest.get("metadata") or {}
    names = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {"apiVersion": manifest.get("apiVersion"), "kind": manifest.get("kind"), "metadata": names}


def to_json(manifest: Manifest) -> str:
    """The manifest as JSON, which kubectl accepts like YAML, but in which text stays text."""
    return json.dumps(manifest, default=_plain, allow_nan=False, ensure_ascii=False)


def _plain(value: object) -> object:
    # ClearML passes a token as bytes; YAML has dates.
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"a manifest can't contain a value of type {type(value).__name__}")


@contextlib.contextmanager
def manifest_file(manifest: Manifest) -> Generator[str, None, None]:
    """A temporary file with the manifest, readable only by this user."""
    text = to_json(manifest)
    handle, path = tempfile.mkstemp(prefix="podrules-", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


def run(argv: Sequence[str], timeout: float) -> Result:
    """Runs a program and waits for it at most `timeout` seconds. Processes that it has started, such as
    credential plugins, are killed with it then, and can't block us: output goes to files, not pipes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except (OSError, ValueError) as error:
            return Result(None, "", f"{argv[0]} could not be started: {error}")
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            text = f"{argv[0]} did not exit within {timeout:g} seconds"
            return Result(None, _text(out), f"{text}: {_text(err)}".rstrip(": \n"), timed_out=True)
        except BaseException:
            _kill(process)
            raise
        return Result(status, _text(out), _text(err))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MOST_OUTPUT_BYTES).decode("utf-8", "replace")


class Kubectl:
    """kubectl in one namespace. Objects are always passed as files, so that a name can't be taken for an
    option."""

    def __init__(self, namespace: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.namespace = namespace
        self.timeout = timeout

    def create(self, manifest: Manifest) -> Result:
        """Creates the object. Prints it as the API server returned it."""
        return self._on(manifest, "create", ["-o", "json"])

    def get(self, manifest: Manifest) -> Result:
        """Prints the object of that kind and name."""
        return self._on(manifest, "get", ["-o", "json"])

    def delete(self, manifest: Manifest) -> Result:
        """Deletes the object of that kind and name, without waiting until it is gone."""
        return self._on(manifest, "delete", ["--ignore-not-found", "--wait=false", "-o", "name"])

    def patch(self, manifest: Manifest, patch: Manifest) -> Result:
        """Applies a merge patch to the object of that kind and name."""
        return self._on(manifest, "patch", ["--type=merge", "-p", to_json(patch), "-o", "name"])

    def apply(self, command: list[str], manifest: Manifest) -> Result:
        """Runs the command, which ends with `-f`, with the manifest's file as its last argument."""
        with manifest_file(manifest) as path:
            return run([*command, path], self.timeout)

    def _on(self, manifest: Manifest, verb: str, options: list[str]) -> Result:
        with manifest_file(manifest) as path:
            return run(["kubectl", verb, "--namespace", self.namespace, *options, "-f", path], self.timeout)

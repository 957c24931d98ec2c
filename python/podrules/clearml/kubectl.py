"""Calls of kubectl: argument lists, never a shell; a bound on every wait; the exit status decides."""

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
    """What came of one call. `status` is None if there is none: kubectl didn't start, or didn't end in
    time."""

    status: int | None
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether kubectl says that it worked. What it writes to stderr is beside the point: it writes
        warnings there."""
        return self.status == 0

    @property
    def error(self) -> str:
        """What went wrong, in kubectl's words if it found any."""
        if self.ok:
            return ""
        return self.stderr.strip() or self.stdout.strip() or f"kubectl ended with status {self.status}"

    def object(self) -> Manifest:
        """The object that was printed. ValueError if it is none."""
        value: Any = json.loads(self.stdout)
        if not isinstance(value, dict):
            raise ValueError("kubectl printed something that is no object")
        return value  # pyright: ignore[reportUnknownVariableType] # JSON has no types


def reference(manifest: Manifest) -> Manifest:
    """The object's kind and name, and no more."""
    metadata: Any = manifest.get("metadata") or {}
    names = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {"apiVersion": manifest.get("apiVersion"), "kind": manifest.get("kind"), "metadata": names}


def to_json(manifest: Manifest) -> str:
    """The manifest as JSON, which kubectl reads like YAML, without YAML's pitfalls: text stays text."""
    return json.dumps(manifest, default=_plain, allow_nan=False, ensure_ascii=False)


def _plain(value: object) -> object:
    # A token comes as bytes from ClearML; YAML has dates.
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"a manifest can't hold a {type(value).__name__}")


@contextlib.contextmanager
def manifest_file(manifest: Manifest) -> Generator[str, None, None]:
    """A file that holds the manifest, for this user's eyes only, gone afterwards."""
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
    """Runs a program and waits for it at most `timeout` seconds. Its helpers (kubectl starts some to log
    in) end with it, and can't make us wait: output goes to files rather than pipes."""
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
            _end(process)
            text = f"{argv[0]} did not end within {timeout:g} seconds"
            return Result(None, _text(out), f"{text}: {_text(err)}".rstrip(": \n"), timed_out=True)
        except BaseException:
            _end(process)
            raise
        return Result(status, _text(out), _text(err))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MOST_OUTPUT_BYTES).decode("utf-8", "replace")


class Kubectl:
    """kubectl in one namespace. Objects are always named by a file, so that no name is ever taken for an
    option."""

    def __init__(self, namespace: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.namespace = namespace
        self.timeout = timeout

    def create(self, manifest: Manifest) -> Result:
        """Creates the object, and prints it as the cluster has it."""
        return self._on(manifest, "create", ["-o", "json"])

    def get(self, manifest: Manifest) -> Result:
        """Prints the object of that kind and name."""
        return self._on(manifest, "get", ["-o", "json"])

    def delete(self, manifest: Manifest) -> Result:
        """Deletes the object of that kind and name, and doesn't wait for it to be gone."""
        return self._on(manifest, "delete", ["--ignore-not-found", "--wait=false", "-o", "name"])

    def patch(self, manifest: Manifest, patch: Manifest) -> Result:
        """Merges a patch into the object of that kind and name."""
        return self._on(manifest, "patch", ["--type=merge", "-p", to_json(patch), "-o", "name"])

    def apply(self, command: list[str], manifest: Manifest) -> Result:
        """Runs the command, which ends with `-f`, on the manifest."""
        with manifest_file(manifest) as path:
            return run([*command, path], self.timeout)

    def _on(self, manifest: Manifest, verb: str, options: list[str]) -> Result:
        with manifest_file(manifest) as path:
            return run(["kubectl", verb, "--namespace", self.namespace, *options, "-f", path], self.timeout)

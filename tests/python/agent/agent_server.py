"""A local server that implements the part of ClearML's API that the agent needs, and records the
requests."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

Json = Any
PENDING = "0000000000000000000000000000beef"

DEFAULT_QUEUES = {
    "train": "7f3c1d2e4b5a69788796a5b4c3d2e1f0",
    "k8s_scheduler": PENDING,
}


class Refused(Exception):
    """Makes the call return an error."""

    def __init__(self, status: int, subcode: int, message: str) -> None:
        super().__init__(message)
        self.status, self.subcode, self.message = status, subcode, message


class FakeServer:
    """Queues and tasks, and the requests about them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = outer.answer(self.path.split("?")[0], body, dict(self.headers))
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PUT = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def reset(
        self,
        tasks: list[Json] | None = None,
        queues: dict[str, str] | None = None,
        answers: dict[str, Json] | None = None,
        login: dict[str, Json] | None = None,
    ) -> None:
        with self.lock:
            self.tasks = {task["id"]: copy.deepcopy(task) for task in tasks or []}
            self.queues = {**DEFAULT_QUEUES, **(queues or {})}
            self.entries: dict[str, list[str]] = {queue: [] for queue in self.queues.values()}
            self.answers = copy.deepcopy(answers or {})
            self.login = login or {}
            self.calls: list[Json] = []

    @property
    def pending(self) -> list[str]:
        """The tasks in the pending queue."""
        return self.entries[self.queues["k8s_scheduler"]]

    def logs(self, task: str) -> str:
        """A task's log."""
        lines = [line for call in self.calls if call["call"] == "events.add_batch" for line in call["body"]]
        return "".join(line["msg"] + "\n" for line in lines if line["task"] == task)

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Json]:
        call = re.sub(r"^/(v[0-9.]+/)?", "", path)
        text = body.decode("utf-8")
        if call == "events.add_batch":
            request: Json = [json.loads(line) for line in text.splitlines() if line]
        else:
            request = json.loads(text) if text else {}
        with self.lock:
            self.calls.append({"call": call, "body": request})
            given = self.answers.get(call)
            if given is not None and given.get("times", 1) > 0:
                given["times"] = given.get("times", 1 << 30) - 1
                status, subcode = given.get("status", 200), given.get("subcode", 0)
                return status, envelope(
                    call, given.get("data", {}), status, subcode, given.get("message", "OK")
                )
            try:
                handler: Callable[[Json, dict[str, str]], Json] = getattr(
                    self, "on_" + call.replace(".", "_")
                )
            except AttributeError:
                return 404, envelope(call, {}, 404, 0, f"no such call: {call}")
            try:
                return 200, envelope(call, handler(request, headers), 200, 0, "OK")
            except Refused as error:
                return error.status, envelope(call, {}, error.status, error.subcode, error.message)

    def task(self, request: Json) -> Json:
        try:
            return self.tasks[request["task"]]
        except KeyError:
            raise Refused(400, 101, "Invalid task id") from None

    def entries_of(self, queue: str) -> list[str]:
        try:
            return self.entries[queue]
        except KeyError:
            raise Refused(400, 701, "Invalid queue id") from None

    def on_auth_login(self, request: Json, headers: dict[str, str]) -> Json:
        owner = headers.get("X-Clearml-Impersonate-As")
        return {"token": token(owner=owner, **self.login)}

    def on_queues_get_all(self, request: Json, headers: dict[str, str]) -> Json:
        names, ids = request.get("name"), request.get("id")
        found = [
            {"id": queue, "name": name}
            for name, queue in self.queues.items()
            if (not names or re.search(names, name, re.IGNORECASE)) and (not ids or queue in ids)
        ]
        return {"queues": found}

    def on_queues_get_by_id(self, request: Json, headers: dict[str, str]) -> Json:
        for name, queue in self.queues.items():
            if queue == request["queue"]:
                return {"queue": {"id": queue, "name": name, "entries": []}}
        raise Refused(400, 701, "Invalid queue id")

    def on_queues_create(self, request: Json, headers: dict[str, str]) -> Json:
        queue = f"{len(self.queues):032x}"
        self.queues[request["name"]] = queue
        self.entries[queue] = []
        return {"id": queue}

    def on_queues_get_next_task(self, request: Json, headers: dict[str, str]) -> Json:
        entries = self.entries_of(request["queue"])
        return {"entry": {"task": entries.pop(0), "added": "2026-01-01T00:00:00+00:00"}} if entries else {}

    def on_queues_remove_task(self, request: Json, headers: dict[str, str]) -> Json:
        entries = self.entries_of(request["queue"])
        if request["task"] not in entries:
            raise Refused(400, 703, "Task not in queue")
        entries.remove(request["task"])
        return {"removed": 1}

    def on_tasks_get_all(self, request: Json, headers: dict[str, str]) -> Json:
        ids, status = request.get("id"), request.get("status")
        found = [
            task
            for task in self.tasks.values()
            if (not ids or task["id"] in ids) and (not status or task.get("status") in status)
        ]
        return {"tasks": found}

    def on_tasks_stop(self, request: Json, headers: dict[str, str]) -> Json:
        self.task(request)["status"] = "stopped"
        return {"updated": 1, "fields": {}}

    def on_tasks_enqueue(self, request: Json, headers: dict[str, str]) -> Json:
        task, entries = self.task(request), self.entries_of(request["queue"])
        task["status"] = "queued"
        entries.append(task["id"])
        return {"queued": 1, "updated": 1, "fields": {}}

    def on_tasks_failed(self, request: Json, headers: dict[str, str]) -> Json:
        task = self.task(request)
        if task.get("status") == "queued" and not request.get("force"):
            raise Refused(400, 110, "Invalid status transition")
        task.update(status="failed", status_reason=request.get("status_reason", ""))
        task["status_message"] = request.get("status_message", "")
        return {"updated": 1, "fields": {}}

    def on_tasks_edit(self, request: Json, headers: dict[str, str]) -> Json:
        self.task(request).update({k: v for k, v in request.items() if k in ("container", "runtime")})
        return {"updated": 1, "fields": {}}

    def on_tasks_edit_hyper_params(self, request: Json, headers: dict[str, str]) -> Json:
        self.task(request)
        return {"updated": 1}

    def on_tasks_get_by_id(self, request: Json, headers: dict[str, str]) -> Json:
        return {"task": self.task(request)}

    def on_events_add_batch(self, request: Json, headers: dict[str, str]) -> Json:
        return {"added": len(request), "errors": 0}

    def on_workers_register(self, request: Json, headers: dict[str, str]) -> Json:
        return {}

    on_workers_unregister = on_workers_status_report = on_workers_register


def envelope(call: str, data: Json, status: int, subcode: int, message: str) -> Json:
    """A response in the form of ClearML's server."""
    endpoint = {"name": call, "requested_version": "2.31", "actual_version": "1.0"}
    meta = {"id": "0" * 32, "trx": "0" * 32, "endpoint": endpoint, "error_stack": "", "error_data": {}}
    meta.update(result_code=status, result_subcode=subcode, result_msg=message)
    return {"meta": meta, "data": data}


def token(owner: str | None = None, **claims: Json) -> str:
    """A token like auth.login's, but unsigned: the agent doesn't check."""
    payload = {
        "api_version": "2.31",
        "server_version": "2.0.0",
        "feature_set": "basic",
        "exp": 4102444800,
        "iat": 1,
    }
    payload.update(identity={"user": owner or "agent"}, tenant="company", **claims)
    parts = ({"alg": "HS256", "typ": "JWT"}, payload, {"none": 0})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )

"""Shared by soak and bench-launch: an API server client, an observer of Pods, and `podrules run`."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KUBECONFIG = os.environ.get("PODRULES_CLUSTER_KUBECONFIG", "")


def build(*more):
    """Builds the release binaries, and returns the target folder."""
    if not KUBECONFIG:
        raise SystemExit("this needs a control plane: tools/cluster/with starts one")
    subprocess.run(["cargo", "build", "--locked", "--release", "--quiet", *more], cwd=ROOT, check=True)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CARGO_TARGET_DIR") or Path(cache) / "podrules/target")


class Api:
    """A client of the control plane that tools/cluster/up started."""

    def __init__(self):
        text = Path(KUBECONFIG).read_text()
        self.host, self.port = re.search(r"https://([0-9.]+):(\d+)", text).groups()
        self.token = re.search(r'token: "([^"]+)"', text).group(1)
        # The certificate is self-signed, and the server on loopback.
        self.context = ssl._create_unverified_context()

    def connect(self):
        return http.client.HTTPSConnection(self.host, int(self.port), context=self.context, timeout=120)

    def ask(self, method, path, body=None, connection=None):
        """Sends a request and returns the decoded response. Raises if the server returns an error."""
        connection = connection or self.connect()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {text[:500]!r}")
        return json.loads(text)

    def namespace(self, name):
        """Creates a namespace that is ready for Pods."""
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
        self.ask("POST", accounts, {"metadata": {"name": "clearml-agent-sa"}})
        while "default" not in [item["metadata"]["name"] for item in self.ask("GET", accounts)["items"]]:
            time.sleep(0.1)

    def pods(self, namespace):
        """The number of Pods."""
        answer = self.ask("GET", f"/api/v1/namespaces/{namespace}/pods?limit=1")
        return len(answer["items"]) + (answer["metadata"].get("remainingItemCount") or 0)

    def clear(self, namespace):
        """Deletes all Pods, and waits until they are gone."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        self.ask("DELETE", path, {"gracePeriodSeconds": 0})
        while self.pods(namespace):
            time.sleep(0.2)


class Observer:
    """Notes when each Pod of a namespace is first seen."""

    def __init__(self, api, namespace):
        path = f"/api/v1/namespaces/{namespace}/pods"
        version = api.ask("GET", path + "?limit=1")["metadata"]["resourceVersion"]
        self.seen = {}
        self.connection = api.connect()
        # The metadata of each Pod is enough.
        headers = {
            "Authorization": f"Bearer {api.token}",
            "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        }
        self.connection.request("GET", f"{path}?watch=1&resourceVersion={version}", headers=headers)
        self.answer = self.connection.getresponse()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                now = time.perf_counter()
                if line.startswith(b'{"type":"ADDED"'):
                    self.seen[json.loads(line)["object"]["metadata"]["name"]] = now
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # It was closed.

    def wait(self, count, seconds=600):
        """Waits for this many Pods."""
        end = time.perf_counter() + seconds
        while len(self.seen) < count:
            if time.perf_counter() > end:
                raise RuntimeError(f"{len(self.seen)} of {count} Pods after {seconds} s")
            time.sleep(0.01)

    def rate(self):
        """Pods per second, from the first to the last."""
        times = sorted(self.seen.values())
        return (len(times) - 1) / (times[-1] - times[0])


class Run:
    """A `podrules run` of the release build, with its own task folder."""

    def __init__(self, binary, namespace, rules, arguments=()):
        self.home = Path(tempfile.mkdtemp(prefix="podrules-"))
        self.tasks = self.home / "tasks" / "bench"
        self.tasks.mkdir(parents=True)
        (self.home / "state").mkdir()
        (self.home / "values.yaml").write_text("agentk8sglue: {queues: {bench: {}}}\n")
        (self.home / "rules.yaml").write_text(rules)
        with socket_port() as port:
            self.port = port
        self.command = [
            binary, "run", "-f", "values.yaml", "-r", "rules.yaml", "--tasks", "tasks", "--state", "state",
            "--kubeconfig", KUBECONFIG, "-n", namespace, "--listen", f"127.0.0.1:{self.port}",
            "--no-leader-election", *arguments,
        ]  # fmt: skip
        self.process = None

    def task(self, name):
        """Puts a task into the queue, written atomically."""
        new = self.tasks / f".{name}.new"
        new.write_text(json.dumps({"id": name, "container": {"image": "ubuntu:22.04"}}))
        new.rename(self.tasks / f"{name}.json")

    def status(self, name):
        try:
            return json.loads((self.tasks / f"{name}.json.status.json").read_text())
        except FileNotFoundError:
            return {}

    def start(self):
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.home, stdout=log, stderr=log)
        while self.get("/readyz") is None:
            self.must_live()
            time.sleep(0.02)

    def stop(self):
        """Stops it as Kubernetes does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def must_live(self):
        if self.process.poll() is not None:
            log = (self.home / "log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"podrules run exited ({self.process.returncode}):\n{log}")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def metrics(self):
        """Name with labels → number."""
        text = self.get("/metrics") or ""
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def sample(self):
        """Resident memory in MB, open files, threads."""
        folder = Path("/proc") / str(self.process.pid)
        status = (folder / "status").read_text()
        rss = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
        threads = int(re.search(r"Threads:\s+(\d+)", status).group(1))
        return rss, len(os.listdir(folder / "fd")), threads


class socket_port:
    """A free loopback port."""

    def __enter__(self):
        import socket

        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()


def total(metrics, name):
    """The sum of a metric over all its labels."""
    return sum(value for key, value in metrics.items() if key.split("{")[0] == name)


def quantile(metrics, name, share):
    """A quantile of a histogram, linear within a bucket."""
    buckets = {}
    for key, value in metrics.items():
        if key.startswith(name + "_bucket{"):
            bound = float(re.search(r'le="([^"]+)"', key).group(1).replace("+Inf", "inf"))
            buckets[bound] = buckets.get(bound, 0) + value
    before, below = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= share * max(buckets.values(), default=0) and count > below:
            if bound == float("inf"):
                return before
            return before + (bound - before) * (share * max(buckets.values()) - below) / (count - below)
        before, below = bound, count
    return float("nan")

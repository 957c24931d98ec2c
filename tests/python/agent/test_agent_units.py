"""The parts that don't need an agent."""

from __future__ import annotations

import datetime
import importlib
import inspect
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import podrules
import pytest
from podrules.clearml import companions, failure, kubectl, settings, stage


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one", "one"),
        (" a\r\n\tb\x00c\x1b[31md ", "a b c [31md"),
        ("a\u202eb\u2028c\ud800d", "a b c d"),
        ("ž 🐎", "ž 🐎"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert failure.one_line(text) == line


def test_log_lines_are_bounded() -> None:
    lines = failure.log_lines("a\tb\x07\n" + "x" * 9000 + "\n" + "y\n" * 1000)
    assert lines[0] == "a\tb\n"
    assert len(lines[1]) == 4001
    assert lines[-1] == "… and 602 more lines\n"
    assert len(lines) == 401


def test_failures() -> None:
    known = failure.TaskFailure("short", "long")
    assert failure.as_failure(known) is known
    unknown = failure.as_failure(KeyError("x"))
    assert unknown.summary == "the task could not be launched: KeyError: 'x'"
    assert "KeyError" in unknown.report


def test_label_values() -> None:
    assert companions.label_value("plain") == "plain"
    # The same as in `podrules apply`: two rules, or two tasks, never share a label.
    assert companions.label_value("Rule No. 1!").startswith("Rule-No.-1-")
    texts = ("_x_", "x", "ž", "š", "a/b:c", "a/b/c", "a" * 64, "a" * 65)
    odd = {companions.label_value(text) for text in texts}
    assert len(odd) == 8
    assert all(0 < len(value) <= 63 and value.isascii() for value in odd)


def test_manifests_as_json() -> None:
    moment = datetime.datetime(2024, 1, 1, 10, tzinfo=datetime.timezone.utc)
    told = json.loads(
        kubectl.to_json({"a": b"token", "b": datetime.date(2024, 1, 1), "c": moment, "d": "on", "e": "ž"})
    )
    assert told == {"a": "token", "b": "2024-01-01", "c": "2024-01-01T10:00:00Z", "d": "on", "e": "ž"}
    with pytest.raises(ValueError, match="JSON compliant"):
        kubectl.to_json({"a": float("nan")})
    with pytest.raises(TypeError, match="can't contain a value of type object"):
        kubectl.to_json({"a": object()})
    with kubectl.manifest_file({"a": 1}) as path:
        assert oct(os.stat(path).st_mode)[-3:] == "600"
        assert json.loads(Path(path).read_text()) == {"a": 1}
    assert not os.path.exists(path)


def test_the_exit_status_decides() -> None:
    warned = kubectl.run(
        [sys.executable, "-c", "import sys; print('out'); print('warn', file=sys.stderr)"], 30
    )
    assert (warned.ok, warned.stdout, warned.stderr, warned.error) == (True, "out\n", "warn\n", "")
    silent = kubectl.run([sys.executable, "-c", "raise SystemExit(3)"], 30)
    assert (silent.ok, silent.error) == (False, "kubectl exited with status 3")
    missing = kubectl.run(["/nonexistent/kubectl"], 30)
    assert missing.status is None
    assert "could not be started" in missing.error


def test_helpers_that_keep_the_output_open_arent_waited_for() -> None:
    helper = "import subprocess, sys, time; "
    helper += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    began = time.monotonic()
    assert kubectl.run([sys.executable, "-c", helper], 30).ok
    late = kubectl.run([sys.executable, "-c", helper + "print('so far', flush=True); time.sleep(60)"], 2)
    assert time.monotonic() - began < 20
    assert late.timed_out
    assert "did not exit within 2 seconds" in late.error


@pytest.mark.parametrize("bad", ["x", "0", "-1", "nan", "inf", "99999999"])
def test_the_timeout_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("PODRULES_KUBECTL_TIMEOUT", bad)
    with pytest.raises(ValueError, match="PODRULES_KUBECTL_TIMEOUT"):
        settings.kubectl_timeout()
    monkeypatch.setenv("PODRULES_KUBECTL_TIMEOUT", " 2.5 ")
    assert settings.kubectl_timeout() == 2.5
    monkeypatch.setenv("PODRULES_KUBECTL_TIMEOUT", "")
    assert settings.kubectl_timeout() == 120


def test_no_rules_without_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PODRULES_RULES", raising=False)
    monkeypatch.delenv("PODRULES_VALUES", raising=False)
    assert settings.load_rules() is None
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        path.write_text(f"apiVersion: podrules.io/v1\nkind: Rules\nrules:\n- {{name: {path.stem}, do: []}}\n")
    monkeypatch.setenv("PODRULES_RULES", f"{one}{os.pathsep}{two}{os.pathsep}")
    assert isinstance(settings.load_rules(), podrules.Rules)
    monkeypatch.setenv("PODRULES_RULES", f" {one},\n{two}")
    assert isinstance(settings.load_rules(), podrules.Rules)


MANIFESTS: list[dict[str, Any]] = [
    {},
    {"spec": {}},
    {"metadata": {"labels": {"a": "b"}, "name": "mine", "namespace": "ns"}, "spec": {"containers": [{}]}},
    {"apiVersion": "v1", "kind": "pod", "metadata": {}, "spec": {"nodeName": "n"}},
    {
        "spec": {
            "backoffLimit": 1,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"nodeName": "n"}},
        }
    },
    {"spec": {"template": {"metadata": {"name": "x"}}}},
]


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.parametrize("job", [False, True])
def test_an_unchanged_pod_is_put_back_unchanged(manifest: dict[str, Any], job: bool) -> None:
    before = json.dumps(manifest)
    pod = stage.pod_of(manifest, "the-name", "the-namespace", job=job)
    assert pod["metadata"]["name"] == "the-name"
    assert pod["spec"] is not None
    back = stage.put_back(manifest, pod, "the-namespace", job=job)
    if job:
        spec = dict(manifest.get("spec", {}))
        template = dict(spec.get("template", {}))
        if "name" in template.get("metadata", {}):
            # A Job's template doesn't set the name of its Pod.
            template["metadata"] = {}
        assert back == {**manifest, "spec": {**spec, "template": template}}
    else:
        name = {"name": "the-name"} if "name" in manifest.get("metadata", {}) else {}
        expected = dict(manifest)
        if name:
            expected["metadata"] = {**manifest["metadata"], **name}
        assert back == expected
    assert json.dumps(manifest) == before


def test_a_template_of_values_for_a_job() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "n", "labels": {"a": "b"}},
        "spec": {"x": 1},
    }
    assert stage.template_for(pod, job=False) is pod
    assert stage.template_for(pod, job=True) == {
        "metadata": {"namespace": "n"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}}},
    }


class Cluster:
    """kubectl in a cluster where an object of an earlier launch disappears after a while."""

    def __init__(self, looks: int) -> None:
        self.namespace = "ml"
        self.looks = looks
        self.done: list[str] = []

    def create(self, manifest: dict[str, Any]) -> kubectl.Result:
        self.done.append("create")
        if self.looks > 0:
            return kubectl.Result(1, "", "Error from server (AlreadyExists): it is there")
        return kubectl.Result(0, json.dumps(manifest), "")

    def get(self, manifest: dict[str, Any]) -> kubectl.Result:
        self.looks -= 1
        if self.looks == 0:
            return kubectl.Result(1, "", "Error from server (NotFound): it is gone")
        live = {**manifest, "metadata": {**manifest["metadata"], "labels": {"podrules.io/task-id": "t"}}}
        live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return kubectl.Result(0, json.dumps(live), "")


@pytest.mark.parametrize("looks", [1, 3, 1000])
def test_a_companion_that_is_being_deleted_is_waited_for(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    monkeypatch.setattr(companions, "DELETION_POLL", 0.001)
    monkeypatch.setattr(companions, "DELETION_WAIT", 0.05)
    cluster: Any = Cluster(looks)
    made = companions.Companions(cluster, "t", {"kind": "Pod", "metadata": {"name": "p"}}, print)
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    given: Any = SimpleNamespace(lifetime="pod", manifest=manifest, rule="r")
    if looks == 1000:
        with pytest.raises(failure.TaskFailure, match="its deletion is taking too long"):
            made.create([given])
    else:
        made.create([given])
        assert cluster.done == ["create"] * (looks + 1)
    assert manifest == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


@pytest.mark.parametrize("metadata", [{}, {"name": ""}, {"name": 7}, None])
def test_a_companion_needs_a_name(metadata: Any) -> None:
    cluster: Any = Cluster(0)
    made = companions.Companions(cluster, "t", {"kind": "Pod", "metadata": {"name": "p"}}, print)
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    given: Any = SimpleNamespace(lifetime="pod", manifest=manifest, rule="r")
    with pytest.raises(failure.TaskFailure, match=r"needs apiVersion, kind and metadata\.name"):
        made.create([given])
    assert cluster.done == []


def test_clearmls_class_is_not_modified() -> None:
    module = importlib.import_module("clearml_agent.glue.k8s")
    importlib.import_module("podrules.clearml.integration")
    for name, found in vars(module.K8sIntegration).items():
        if inspect.isfunction(found):
            assert found.__module__ == "clearml_agent.glue.k8s", name

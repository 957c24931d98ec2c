"""`update_template`, which ClearML Enterprise's agent calls, and how it reloads its files."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import podrules
import pytest
from podrules import _update
from support import TASK, Clock, call, old, pod, rules_text, set_rule


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the environment names."""
    folder = tmp_path / "rules"
    folder.mkdir()
    monkeypatch.setenv("PODRULES_RULES", str(folder))
    return folder


def write(folder: Path, name: str, body: str) -> None:
    """Writes a rules file that looks old, so that only later changes count."""
    file = folder / name
    file.write_text(rules_text(body), encoding="utf-8")
    old(file)


def test_only_template_rules_run(rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        rules,
        "a.yaml",
        set_rule("one", "$.spec.one", 1, "queues: [train]")
        + set_rule("other", "$.spec.other", 1, "queues: [other]")
        + set_rule("late", "$.spec.late", 1, "stage: pod"),
    )
    template = call()
    assert template["spec"]["one"] == 1
    assert "other" not in template["spec"]
    assert "late" not in template["spec"]
    call()
    printed = capsys.readouterr()
    assert printed.out == ""
    # One warning, when the rules are loaded.
    assert printed.err.count("rules with stage: pod never run here") == 1
    assert "late" in printed.err


def test_the_given_template_is_never_edited(rules: Path, clock: Clock) -> None:
    write(rules, "a.yaml", set_rule("one", "$.spec.containers[0].env[0].value", "2"))
    template = pod()
    before = copy.deepcopy(template)
    edited = call(template=template)
    assert edited["spec"]["containers"][0]["env"][0]["value"] == "2"
    assert template == before
    edited["metadata"]["labels"]["x"] = "y"
    assert template == before


def test_rules_see_the_task_in_any_form(rules: Path, clock: Clock) -> None:
    write(
        rules, "a.yaml", "- name: a\n  do: [{set: {path: $.x, value: '${task.param(\"Args/gpus\", 1)}'}}]\n"
    )

    class Model:
        def __init__(self) -> None:
            self.id = "0a1b2c"

        def to_dict(self) -> Any:
            return TASK

    assert call()["x"] == 2
    assert call(task_dict=None, task_data=Model())["x"] == 2
    assert call(task_dict=None, task_data=SimpleNamespace(**TASK))["x"] == 2
    # With task_dict, the object isn't even read.
    assert call(task_data=object())["x"] == 2


def test_values_that_no_rule_reads_are_not_converted(rules: Path, clock: Clock) -> None:
    write(rules, "a.yaml", set_rule("one", "$.x", "${pod_name} ${queue.id} ${worker.id} ${namespace}"))
    bad: Any = {"a": object()}
    template = call(
        task_dict={"id": "t", "bad": object()},
        task_config=bad,
        providers_info=bad,
        worker=SimpleNamespace(worker_id="w:1"),
        template={"metadata": {"namespace": "ml"}},
    )
    assert template["x"] == "clearml-id-t q1 w:1 ml"


def test_a_value_that_cant_be_converted_is_reported_when_read(rules: Path, clock: Clock) -> None:
    write(rules, "a.yaml", "- name: a\n  do: [{set: {path: $.x, value: '${config.get(\"a.b\")}'}}]\n")

    class Config:
        """Like ClearML's: it has any attribute."""

        def __getattr__(self, name: str) -> Any:
            return None

        def to_dict(self) -> Any:
            return {"a": {"b": 7}}

    assert call(task_config=Config())["x"] == 7
    assert call(task_config={"a": {"b": 8}})["x"] == 8
    with pytest.raises(
        podrules.RulesError, match=r"the task's configuration: \$.a: a value of type object can't be written"
    ):
        call(task_config={"a": object()})
    with pytest.raises(podrules.RulesError, match="the task's configuration: it is a int, not a mapping"):
        call(task_config=5)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"template": None}, TypeError, "template must be a dict, not NoneType"),
        ({"template": [1]}, TypeError, "template must be a dict, not list"),
        (
            {"template": {"a": object()}},
            podrules.RulesError,
            r"the template: \$.a: a value of type object can't be written as JSON",
        ),
        ({"task_dict": {}}, podrules.RulesError, "this object has no `id`, so it is not a task"),
        ({"task_dict": None}, podrules.RulesError, "a task must be an object, not null"),
    ],
)
def test_wrong_arguments_are_reported(
    rules: Path, clock: Clock, given: Any, error: Any, message: str
) -> None:
    write(rules, "a.yaml", set_rule("one", "$.x", 1))
    with pytest.raises(error, match=message):
        call(**given)


def test_companions_are_refused_only_where_they_apply(rules: Path, clock: Clock) -> None:
    write(
        rules,
        "a.yaml",
        """
        - name: claim
          when: queue.name == "train"
          companions:
            - manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${pod_name}"}}
        """,
    )
    assert call(queue_name="other") == pod()
    with pytest.raises(podrules.RulesError) as caught:
        call()
    assert caught.value.summary.startswith("rule `claim` (")
    assert (
        "its companions can't be created: ClearML's own agent only takes a template" in caught.value.summary
    )


def test_logs_and_warnings_are_printed(rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        rules,
        "a.yaml",
        "- name: talks\n  do: [{script: 'log(\"hello\\nthere \\u001b[31m\")'}]\n"
        + set_rule("skipped", "$.none[5].x", 1, "onError: skip")
        + set_rule("watched", "$.spec.x", 1, "mode: audit"),
    )
    call()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("podrules: rule talks: hello")
    assert "\x1b" not in lines[0]
    assert lines[1] == "podrules: rule watched: audit: + $.spec.x = 1"
    assert lines[2].startswith("podrules: warning: rule `skipped`")
    assert len(lines) == 3


def test_what_was_logged_before_a_failure_is_printed(
    rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(rules, "a.yaml", '- name: talks\n  do: [{script: \'log("hello"); fail("no scratch")\'}]\n')
    with pytest.raises(podrules.RulesError, match="no scratch"):
        call()
    assert capsys.readouterr().out == "podrules: rule talks: hello\n"


def test_a_missing_variable_is_reported(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.delenv("PODRULES_RULES", raising=False)
    with pytest.raises(podrules.RulesError, match="PODRULES_RULES isn't set or is empty"):
        call()


def test_a_failing_first_load_raises_until_it_is_fixed(rules: Path, clock: Clock) -> None:
    write(rules, "a.yaml", "- name: a\n  du: []\n")
    for _ in range(2):
        with pytest.raises(podrules.RulesError, match="did you mean `do`"):
            call()
    write(rules, "a.yaml", set_rule("a", "$.x", 1))
    assert call()["x"] == 1


@pytest.mark.parametrize("separator", [",", os.pathsep, " , ", "\n"])
def test_several_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, separator: str) -> None:
    (tmp_path / "folder").mkdir()
    write(tmp_path, "one.yaml", set_rule("one", "$.one", 1))
    write(tmp_path / "folder", "two.yml", set_rule("two", "$.two", 1))
    write(tmp_path / "folder", ".hidden.yaml", set_rule("hidden", "$.hidden", 1))
    write(tmp_path, "glob-3.yaml", set_rule("three", "$.three", 1))
    paths = [tmp_path / "one.yaml", tmp_path / "folder", tmp_path / "glob-*.yaml"]
    monkeypatch.setenv("PODRULES_RULES", separator.join(map(str, paths)))
    template = call()
    assert [name for name in ("one", "two", "three", "hidden") if name in template] == ["one", "two", "three"]


def test_changes_are_checked_once_a_second(
    rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(rules, "a.yaml", set_rule("a", "$.x", 1))
    assert call()["x"] == 1
    write(rules, "a.yaml", set_rule("a", "$.x", 22))
    clock.now = 0.9
    assert call()["x"] == 1
    clock.now = 1.1
    assert call()["x"] == 22
    # A new file in the folder.
    write(rules, "b.yaml", set_rule("b", "$.y", 3))
    clock.now = 2.2
    assert (call()["x"], call()["y"]) == (22, 3)
    # A removed file.
    (rules / "a.yaml").unlink()
    clock.now = 3.3
    assert "x" not in call()
    assert capsys.readouterr().err.count("reloaded the changed rules") == 3


def test_a_broken_version_keeps_the_old_and_is_reported_once(
    rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write(rules, "a.yaml", set_rule("a", "$.x", 1))
    assert call()["x"] == 1
    write(rules, "a.yaml", "- name: broken\n  quues: [a]\n")
    for second in range(1, 6):
        clock.now = second * 2.0
        assert call()["x"] == 1
    printed = capsys.readouterr()
    assert printed.err.count("can't be loaded; the previous rules are used") == 1
    assert "did you mean `queues`" in printed.err
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.name for record in errors] == ["podrules"]
    write(rules, "a.yaml", set_rule("a", "$.x", 3))
    clock.now = 20.0
    assert call()["x"] == 3


def test_all_files_gone_keeps_the_old(rules: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    write(rules, "a.yaml", set_rule("a", "$.x", 1))
    call()
    (rules / "a.yaml").unlink()
    clock.now = 2.0
    assert call()["x"] == 1
    assert "contains no YAML file" in capsys.readouterr().err


def test_a_configmap_is_swapped_by_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()

    def version(name: str, value: int) -> None:
        """Like the kubelet: a hidden folder, a link `..data` to it, and links through that."""
        (mount / name).mkdir()
        write(mount / name, "rules.yaml", set_rule("a", "$.x", value))
        (mount / "..data_tmp").symlink_to(name)
        (mount / "..data_tmp").rename(mount / "..data")

    version("..2026_01", 1)
    (mount / "rules.yaml").symlink_to("..data/rules.yaml")
    monkeypatch.setenv("PODRULES_RULES", str(mount))
    assert call()["x"] == 1
    # The same size and time: only the inode differs.
    version("..2026_02", 2)
    clock.now = 1.5
    assert call()["x"] == 2
    assert "can't be loaded" not in capsys.readouterr().err


def test_a_file_written_twice_within_a_tick_is_not_missed(
    rules: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = rules / "a.yaml"
    file.write_text(rules_text(set_rule("a", "$.x", 1)), encoding="utf-8")
    stat = file.stat()
    assert call()["x"] == 1
    with open(file, "r+", encoding="utf-8") as same:
        same.write(rules_text(set_rule("a", "$.x", 2)))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_ino) == (stat.st_size, stat.st_ino)
    clock.now = 1.5
    assert call()["x"] == 2


def test_unchanged_files_are_not_read_again(
    rules: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(rules, "a.yaml", set_rule("a", "$.x", 1))
    call()
    loads: list[Any] = []

    def load(*paths: str) -> None:
        loads.append(paths)

    monkeypatch.setattr(_update, "load", load)
    for second in range(1, 5):
        clock.now = second * 2.0
        call()
    assert loads == []

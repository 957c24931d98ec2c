"""Loading, rendering, editing, and the output in notebooks."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from pathlib import Path
from typing import Any, Callable

import podrules
import pytest
import yaml
from support import ROOT, TASK, pod, rules_text, set_rule

Load = Callable[..., podrules.Rules]


EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/expected.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_render_as_they_do_on_the_command_line(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(example)
    rules = podrules.load("rules", values="values.yaml")
    file = Path("context.yaml")
    context: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    queue: dict[str, Any] = context.get("queue", {})
    task = json.loads(Path("task.json").read_text(encoding="utf-8"))
    rendered = rules.render(
        task,
        queue=queue.get("id", ""),
        queue_name=queue.get("name"),
        providers_info=context.get("providers"),
        task_config=context.get("config"),
        worker=context.get("worker"),
        namespace=context.get("namespace"),
    )
    assert rendered.yaml() == Path("expected.yaml").read_text(encoding="utf-8")
    assert rendered.findings == []
    assert podrules.check(rendered.pod) == []
    assert rendered.pod["spec"]["containers"][0]["image"]
    explained = rendered.explain()
    assert f"Task {rendered.pod['metadata']['name'][len('clearml-id-') :]}" in explained
    assert "✓ applied" in explained
    assert rendered.diff().startswith("--- without rules\n+++ with rules\n")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(rules_text("- name: a\n  quues: [x]\n  do: []\n"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(
        rules_text("- name: b\n  when: nothing == 1\n  do: []\n"), encoding="utf-8"
    )
    with pytest.raises(podrules.RulesError) as caught:
        podrules.load(tmp_path, tmp_path / "c.yaml", str(tmp_path / "*.nope"))
    error = caught.value
    codes = [found["code"] for found in error.diagnostics]
    assert codes.count("input") == 2
    assert "unknown-key" in codes
    assert "unknown-variable" in codes
    assert "did you mean `queues`" in str(error)
    assert "^" in str(error)
    assert "\n" not in error.summary
    assert "more errors)" in error.summary
    unknown = error.diagnostics[codes.index("unknown-key")]
    assert (unknown["line"], unknown["column"], unknown["severity"]) == (5, 5, "error")
    assert unknown["file"].endswith("a.yaml")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.summary, again.diagnostics) == (str(error), error.summary, error.diagnostics)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "there is nothing to load"),
        (["{tmp}/none.yaml"], "none.yaml can't be read: No such file"),
        (["{tmp}/*.none"], "*.none matches no file"),
        (["{tmp}/empty"], "empty contains no YAML file"),
    ],
)
def test_paths_without_rules(tmp_path: Path, paths: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden.yaml").write_text("", encoding="utf-8")
    with pytest.raises(podrules.RulesError) as caught:
        podrules.load(*[path.format(tmp=tmp_path) for path in paths])
    assert message in str(caught.value)


def test_files_and_values_that_are_too_large_or_not_text(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"#" * (5 << 20))
    (tmp_path / "latin.yaml").write_bytes(b"# \xe9")
    with pytest.raises(podrules.RulesError) as caught:
        podrules.load(tmp_path)
    assert "larger than the limit of 4 MiB" in str(caught.value)
    assert "not UTF-8" in str(caught.value)


def test_a_file_that_is_named_twice_is_loaded_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(rules_text(set_rule("a", "$.x", 1)), encoding="utf-8")
    assert podrules.load(file, tmp_path, str(tmp_path / "*.yaml")).names == ["a"]
    # An existing file whose name contains glob characters is that file.
    odd = tmp_path / "[a].yaml"
    odd.write_text(rules_text(set_rule("b", "$.x", 1)), encoding="utf-8")
    assert podrules.load(odd).names == ["b"]


def test_rules_know_their_queues(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        "agentk8sglue: {queues: {small: {}, large: {templateOverrides: {nodeSelector: {size: large}}}}}\n",
        encoding="utf-8",
    )
    rules = podrules.load(values=values)
    assert rules.has_values
    assert {"small", "large"} <= set(rules.queues)
    assert rules.template("large")["spec"]["nodeSelector"] == {"size": "large"}
    assert "nodeSelector" not in rules.template("small")["spec"]
    with pytest.raises(ValueError, match="which queue"):
        rules.render(TASK)
    findings = rules.render(TASK, queue_name="smal").findings
    assert findings[0]["code"] == "unknown-queue"
    assert findings[0]["help"] == "did you mean `small`?"


def test_without_values_a_template_is_given(load: Load) -> None:
    rules = load(set_rule("a", "$.spec.nodeSelector", {"a": "b"}))
    assert not rules.has_values
    assert rules.queues == []
    with pytest.raises(ValueError, match="give a template"):
        rules.render(TASK)
    with pytest.raises(ValueError, match="give a template"):
        rules.template("a")
    template = pod()
    before = copy.deepcopy(template)
    rendered = rules.render(TASK, template=template)
    assert template == before
    assert rendered.pod["metadata"]["name"] == "clearml-id-0a1b2c"
    assert rendered.pod["spec"]["nodeSelector"] == {"a": "b"}
    assert rendered.pod is rendered.pod
    assert "# rule a (" in rendered.explain()
    assert "# template" in rendered.explain()


def test_the_stages_of_edit(load: Load) -> None:
    rules = load(set_rule("early", "$.early", 1) + set_rule("late", "$.late", 1, "stage: pod"))
    given = pod()
    before = copy.deepcopy(given)
    early = rules.edit(given, stage="template", task=TASK)
    late = rules.edit(given, stage="pod", task=TASK)
    assert given == before
    assert ("early" in early.pod, "late" in early.pod, early.applied) == (True, False, ["early"])
    assert ("early" in late.pod, "late" in late.pod, late.applied) == (False, True, ["late"])
    with pytest.raises(ValueError, match="stage must be template or pod, not both"):
        rules.edit(given, stage="both", task=TASK)


def test_companions_and_logs_of_edit(load: Load) -> None:
    rules = load(
        """
        - name: claim
          companions:
            - lifetime: task
              manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${pod_name}-${namespace}"}}
          do: [{script: 'log("made")'}]
        - name: not-here
          when: "false == (queue.name == \\"train\\")"
          do: [{set: {path: $.x, value: 1}}]
        """
    )
    edited = rules.edit(pod(), stage="template", task=TASK, queue_name="train", namespace="ml")
    [companion] = edited.companions
    assert companion.lifetime == "task"
    assert companion.rule == "claim"
    assert companion.manifest["metadata"]["name"] == "p-ml"
    assert edited.applied == ["claim"]
    assert edited.log == [("claim", "made")]
    assert edited.warnings == []
    assert repr(companion) == "<Companion ConfigMap of the rule claim, lifetime task>"


def test_a_failing_rule_raises(load: Load) -> None:
    rules = load('- name: gpus\n  do: [{script: \'log("first"); fail("no GPU <left>")\'}]\n')
    for run in (
        lambda: rules.edit(pod(), stage="template", task=TASK),
        lambda: rules.render(TASK, template=pod()),
    ):
        with pytest.raises(podrules.RulesError, match="no GPU <left>") as caught:
            run()
        assert caught.value.summary.startswith("rule `gpus` (")
        assert caught.value.diagnostics[0]["code"] == "script-failed"
        assert caught.value.log == [("gpus", "first")]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (pod(), []),
        (
            {"spec": {}},
            ["$.metadata.name: a Pod needs a name", "$.spec.containers: a Pod needs at least one container"],
        ),
        ({"a": {1}}, ["$.a: a value of type set can't be written as JSON"]),
    ],
)
def test_check(given: Any, lines: list[str]) -> None:
    found = podrules.check(given)
    assert [line for line in found if line in lines] == lines
    assert bool(found) == bool(lines)


def test_check_takes_dicts_only() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="pod must be a dict, not int"):
        podrules.check(wrong)


EVIL = "<script>alert('x')</script>\"&"


def test_html_is_escaped(load: Load) -> None:
    evil = json.dumps(EVIL)
    rules = load(
        f"- name: {evil}\n  description: {evil}\n  queues: [{evil}]\n  do: []\n"
        + set_rule("label", "$.metadata.annotations.name", "${task.name}")
        + set_rule("bad", "$.spec['<script>']", 1)
    )
    rendered = rules.render({"id": "<script>", "name": EVIL}, template=pod())
    for html in (rules._repr_html_(), rendered._repr_html_()):  # pyright: ignore[reportPrivateUsage]
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "alert('x')" not in html
        assert html.count("<td") == html.count("</td>")
    page = rendered._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "rule label (" in page


def test_html_lists_rules_and_queues(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("agentk8sglue: {queues: {train: {}}}\n", encoding="utf-8")
    file = tmp_path / "rules.yaml"
    file.write_text(
        rules_text(
            set_rule("a", "$.x", 1, "enabled: false") + set_rule("b", "$.x", 1, "stage: pod\nmode: audit")
        ),
        encoding="utf-8",
    )
    rules = podrules.load(file, values=values)
    html = rules._repr_html_()  # pyright: ignore[reportPrivateUsage]
    for text in ("switched off", "audit, stage pod", "every queue", "train", "rules.yaml:4"):
        assert text in html
    assert repr(rules) == "<Rules: 2 rules, 1 queue>"
    assert len(rules) == 2


def test_environment_variables_come_from_the_process(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "env.yaml"
    file.write_text(
        "apiVersion: podrules.io/v1\nkind: Rules\nenv: [MINE, NOT_THERE]\nrules:\n"
        "- name: a\n  do: [{set: {path: $.x, value: '${env.MINE} ${env.NOT_THERE ?? \"-\"}'}}]\n",
        encoding="utf-8",
    )
    rules = podrules.load(file)
    monkeypatch.setenv("MINE", "one")
    assert rules.edit(pod(), stage="template", task=TASK).pod["x"] == "one -"
    monkeypatch.setenv("MINE", "two")
    assert rules.edit(pod(), stage="template", task=TASK).pod["x"] == "two -"


def test_signatures_match_clearml() -> None:
    names = list(inspect.signature(podrules.update_template).parameters)
    assert names == [
        "queue",
        "queue_name",
        "template",
        "task_data",
        "providers_info",
        "task_config",
        "worker",
        "task_dict",
        "args",
        "kwargs",
    ]

"""Python hooks, called in the agent's process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import podrules
import pytest
from support import TASK, Clock, call, hook_rule, pod, rules_text, set_rule

Module = Callable[[str, str], Path]
Load = Callable[..., podrules.Rules]


def test_a_hook_gets_the_agents_own_objects(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    module(
        "seen_hook",
        "seen = {}\ndef f(**given):\n    seen.update(given)\n    return {'template': given['template']}\n",
    )
    file = tmp_path / "rules.yaml"
    file.write_text(rules_text(set_rule("first", "$.spec.a", 1) + hook_rule("seen_hook:f")), encoding="utf-8")
    monkeypatch.setenv("PODRULES_RULES", str(file))
    given: dict[str, Any] = {
        "task_data": SimpleNamespace(id="0a1b2c"),
        "providers_info": {"role": "a"},
        "task_config": object(),
        "worker": SimpleNamespace(worker_id="w:0"),
        "task_dict": dict(TASK),
        "something_new": object(),
    }
    template = pod()
    call(template=template, **given)
    seen = sys.modules["seen_hook"].seen
    for name, value in given.items():
        assert seen[name] is value, name
    assert (seen["queue"], seen["queue_name"]) == ("q1", "train")
    # The template after the previous rules, as a copy.
    assert seen["template"]["spec"]["a"] == 1
    assert seen["template"]["spec"]["containers"] == template["spec"]["containers"]
    assert seen["template"]["spec"]["containers"] is not template["spec"]["containers"]
    assert template == pod()


def test_the_returned_template_is_used(module: Module, load: Load) -> None:
    module(
        "good_hook",
        """
        def f(template, queue_name, task_data, task_config, providers_info, worker, **kwargs):
            env = template["spec"]["containers"][0]["env"]
            env.append({"name": "QUEUE", "value": queue_name})
            env.append({"name": "GPUS", "value": task_data.hyperparams["Args"]["gpus"].value})
            env.append({"name": "NFS", "value": task_config.get("nfs.server.ip", "none")})
            env.append({"name": "DEEP", "value": task_config.get("nfs").get("server")["ip"]})
            env.append({"name": "ROLE", "value": providers_info.get("role", "none")})
            return {"template": template}
        """,
    )
    rules = load(hook_rule("good_hook:f") + set_rule("after", "$.spec.containers[0].env[0].value", "2"))
    edited = rules.edit(
        pod(),
        stage="template",
        task=TASK,
        queue_name="train",
        task_config={"nfs": {"server": {"ip": "10.0.0.5"}}},
    )
    env = edited.pod["spec"]["containers"][0]["env"]
    assert {entry["name"]: entry["value"] for entry in env} == {
        "A": "2",
        "QUEUE": "train",
        "GPUS": "2",
        "NFS": "10.0.0.5",
        "DEEP": "10.0.0.5",
        "ROLE": "none",
    }
    assert edited.applied == ["hook", "after"]


def test_edit_passes_the_given_task_data(module: Module, load: Load) -> None:
    module("data_hook", "def f(task_data, template, **_):\n    return {'template': {'x': task_data.mark}}\n")
    rules = load(hook_rule("data_hook:f"))
    edited = rules.edit(pod(), stage="template", task=TASK, task_data=SimpleNamespace(mark=5))
    assert edited.pod == {"x": 5}
    edited = rules.edit(pod(), stage="template", task=SimpleNamespace(id="a", mark=6))
    assert edited.pod == {"x": 6}


# The body of a hook, the code of its fault, and the message.
FAULTS: list[tuple[str, str, str]] = [
    ("raise KeyError('volumeMounts')", "hook-failed", "raised KeyError: 'volumeMounts' ({file}:3)"),
    ("return helper(template)", "hook-failed", "raised ZeroDivisionError: division by zero ({file}:6)"),
    ("import json; json.loads('{')", "hook-failed", "raised JSONDecodeError: "),
    ("raise SystemExit(3)", "hook-failed", "tried to end the agent: SystemExit: 3"),
    (
        "class Odd(Exception):\n        def __str__(self): raise ValueError\n    raise Odd",
        "hook-failed",
        "raised Odd (",
    ),
    ("f(template=template)", "hook-failed", "raised RecursionError: "),
    ("pass", "hook-result", "returned None; expected"),
    ("return 5", "hook-result", 'returned a value of type int; expected {{"template": template}}'),
    ("return [template]", "hook-result", 'returned a value of type list; expected {{"template": template}}'),
    ("return template", "hook-result", "returned the template itself, without {{"),
    ("return {}", "hook-result", 'returned a dict without the key "template"'),
    ("return {'template': None}", "hook-result", "returned None as the template"),
    ("return {'template': [template]}", "hook-result", "returned a template of type list, not a dict"),
    (
        "return {'template': {'a': {'b': float('nan')}}}",
        "hook-result",
        "isn't valid JSON: $.a.b: NaN can't be written as a JSON number",
    ),
    (
        "return {'template': {'a': [float('inf')]}}",
        "hook-result",
        "isn't valid JSON: $.a[0]: inf can't be written as a JSON number",
    ),
    (
        "import datetime\n    return {'template': {'a': datetime.datetime.now()}}",
        "hook-result",
        "$.a: a value of type datetime.datetime",
    ),
    (
        "return {'template': {'a': {1, 2}}}",
        "hook-result",
        "$.a: a value of type set can't be written as JSON",
    ),
    (
        "return {'template': {'a': b'x'}}",
        "hook-result",
        "$.a: a value of type bytes can't be written as JSON",
    ),
    (
        "return {'template': {'a': {1: 2}}}",
        "hook-result",
        "$.a: the key 1 is of type int; keys must be strings",
    ),
    ("return {'template': {'a': 2**64}}", "hook-result", "$.a: the integer doesn't fit into 64 bits"),
    ("return {'template': {'a': '\\ud800'}}", "hook-result", "$.a: the text contains an unpaired surrogate"),
    ("template['a'] = template\n    return {'template': template}", "hook-result", "or contains itself"),
]


@pytest.mark.parametrize(("body", "code", "message"), FAULTS, ids=[message[:40] for _, _, message in FAULTS])
def test_faults_of_hooks(module: Module, load: Load, body: str, code: str, message: str) -> None:
    file = module("faulty", f"\ndef f(template, **kwargs):\n    {body}\n\ndef helper(x):\n    return 1 / 0\n")
    rules = load(hook_rule("faulty:f"))
    with pytest.raises(podrules.RulesError) as caught:
        rules.edit(pod(), stage="template", task=TASK)
    [found] = caught.value.diagnostics
    assert found["code"] == code
    assert message.format(file=file) in found["message"], found["message"]
    assert "the hook faulty:f " in found["message"]
    assert found["rule"] == "hook"
    assert found["line"] == 5
    if code == "hook-failed":
        assert "Traceback (most recent call last)" in found["detail"]
        assert str(file) in found["detail"]
        assert caught.value.__cause__ is not None
    else:
        assert "detail" not in found
        assert caught.value.__cause__ is None


def test_the_traceback_has_the_frames_of_the_hook(module: Module, load: Load) -> None:
    file = module(
        "deep", "def f(**kwargs):\n    return inner()\n\ndef inner():\n    raise ValueError('why')\n"
    )
    with pytest.raises(podrules.RulesError) as caught:
        load(hook_rule("deep:f")).edit(pod(), stage="template", task=TASK)
    error = caught.value
    detail = error.diagnostics[0]["detail"]
    assert [line for line in detail.splitlines() if "File" in line] == [
        f'  File "{file}", line 2, in f',
        f'  File "{file}", line 5, in inner',
    ]
    assert detail.endswith("ValueError: why")
    assert "inner" in str(error)
    assert error.summary.startswith("rule `hook` (")
    assert error.summary.endswith(f"raised ValueError: why ({file}:5)")
    assert "\n" not in error.summary


IMPORTS: list[tuple[str, str, str]] = [
    ("not_there:f", "", "can't be imported: there is no module not_there"),
    ("not_there.deeper:f", "", "can't be imported: there is no module not_there"),
    ("broken:g", "", "can't be found: broken has no `g`"),
    ("broken:value", "value = 5", "can't be called: it is a int, not a function"),
    (
        "broken:f",
        "import not_there_either",
        "its module raised ModuleNotFoundError: No module named 'not_there_either'",
    ),
    (
        "broken:f",
        "1 / 0",
        "can't be imported: its module raised ZeroDivisionError: division by zero ({file}:1)",
    ),
    ("broken:f", "def f(:", "can't be imported: SyntaxError: invalid syntax ({file}:1)"),
    ("broken:f", "raise SystemExit", "can't be imported: its module raised SystemExit ({file}:1)"),
]


@pytest.mark.parametrize(
    ("called", "text", "message"), IMPORTS, ids=[message[:50] for _, _, message in IMPORTS]
)
def test_hooks_that_cannot_be_imported(
    module: Module, load: Load, called: str, text: str, message: str
) -> None:
    file = module("broken", text)
    with pytest.raises(podrules.RulesError) as caught:
        load(hook_rule(called)).edit(pod(), stage="template", task=TASK)
    [found] = caught.value.diagnostics
    assert found["code"] == "hook-import"
    assert message.format(file=file) in found["message"], found["message"]


def test_a_similar_name_is_suggested(module: Module, load: Load) -> None:
    module("near", "def update_template(**_): ...\n")
    with pytest.raises(podrules.RulesError) as caught:
        load(hook_rule("near:update_tempalte")).edit(pod(), stage="template", task=TASK)
    assert caught.value.diagnostics[0]["help"] == "did you mean near:update_template?"


def test_python_path_finds_modules(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "on_the_path.py").write_text(
        "def f(**_): return {'template': {'x': 1}}\n", encoding="utf-8"
    )
    rules = load(hook_rule("on_the_path:f"), python_path=[tmp_path / "lib"])
    assert rules.edit(pod(), stage="template", task=TASK).pod == {"x": 1}


def test_a_failed_hook_that_is_skipped_changes_nothing(module: Module, load: Load) -> None:
    module("half", "def f(template, **_):\n    template['spec'].clear()\n    raise ValueError('late')\n")
    rules = load(hook_rule("half:f", "onError: skip") + set_rule("after", "$.spec.x", 1))
    edited = rules.edit(pod(), stage="template", task=TASK)
    assert edited.pod["spec"]["containers"] == pod()["spec"]["containers"]
    assert edited.applied == ["after"]
    [warning] = edited.warnings
    assert "rule `hook` was skipped" in warning
    assert "ValueError: late" in warning


def test_keyboard_interrupts_are_not_swallowed(module: Module, load: Load) -> None:
    module("stopped", "def f(**_):\n    raise KeyboardInterrupt\n")
    rules = load(hook_rule("stopped:f", "onError: skip"))
    with pytest.raises(KeyboardInterrupt):
        rules.edit(pod(), stage="template", task=TASK)


def test_a_slow_hook_is_a_warning(module: Module, load: Load) -> None:
    module(
        "slow",
        "import time\ndef f(template, **_):\n    time.sleep(0.05)\n    return {'template': template}\n",
    )
    rules = load("- name: slow\n  do: [{python: {call: 'slow:f', timeout: 10ms}}]\n")
    [warning] = rules.edit(pod(), stage="template", task=TASK).warnings
    assert warning.startswith("the hook slow:f took 0.")
    assert "longer than its timeout of 0.0 s; a hook in the agent's process can't be stopped" in warning


def test_a_hook_may_use_podrules(module: Module, load: Load, tmp_path: Path) -> None:
    inner = tmp_path / "inner.yaml"
    inner.write_text(rules_text(set_rule("inner", "$.spec.inner", True)), encoding="utf-8")
    module(
        "around",
        f"""
        import podrules
        rules = podrules.load({os.fspath(inner)!r})
        def f(template, task_data, **_):
            return {{"template": rules.edit(template, stage="template", task=task_data).pod}}
        """,
    )
    edited = load(hook_rule("around:f")).edit(pod(), stage="template", task=TASK)
    assert edited.pod["spec"]["inner"] is True


def test_hooks_print_to_stdout(module: Module, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    module("loud", "def f(template, **_):\n    print('hello')\n    return {'template': template}\n")
    load(hook_rule("loud:f")).edit(pod(), stage="template", task=TASK)
    assert capsys.readouterr().out == "hello\n"

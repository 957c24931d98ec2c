"""Many concurrent threads, while files change."""

from __future__ import annotations

import copy
import threading
import time
from pathlib import Path
from typing import Any, Callable

import podrules
import pytest
from podrules import _update
from support import TASK, call, hook_rule, pod, rules_text, set_rule

THREADS = 8


def run(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Runs the work in several threads, and re-raises an exception of any of them."""
    errors: list[BaseException] = []
    start = threading.Barrier(threads)

    def one(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    all_threads = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    if errors:
        raise errors[0]


def test_update_template_while_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.yaml"

    def write(value: int) -> None:
        # Two fields of the same version: a mixture would be noticed.
        new = tmp_path / "new"
        new.write_text(
            rules_text(set_rule("a", "$.x", value) + set_rule("b", "$.y", value)), encoding="utf-8"
        )
        new.replace(file)

    write(0)
    monkeypatch.setenv("PODRULES_RULES", str(file))
    monkeypatch.setattr(_update, "_watched", _update.Watched(interval=0.0))
    done = threading.Event()
    template = pod()
    before = copy.deepcopy(template)

    def writer() -> None:
        value = 0
        while not done.is_set():
            value += 1
            if value % 5 == 0:
                file.write_text("rules: [", encoding="utf-8")
            else:
                write(value)
            time.sleep(0.002)

    changing = threading.Thread(target=writer)
    changing.start()
    seen: list[int] = []

    def work(_: int) -> None:
        for _ in range(300):
            edited = call(template=template)
            assert edited["x"] == edited["y"]
            seen.append(edited["x"])

    try:
        run(work)
    finally:
        done.set()
        changing.join()
    assert template == before
    assert len(set(seen)) > 1
    capsys.readouterr()


def test_one_template_is_read_by_all(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        rules_text(set_rule("a", "$.spec.containers[0].env[0].value", "${task.id}")), encoding="utf-8"
    )
    rules = podrules.load(file)
    template = pod()

    def work(number: int) -> None:
        for turn in range(300):
            task = {"id": f"t{number}-{turn}"}
            edited = rules.edit(template, stage="template", task=task)
            assert edited.pod["spec"]["containers"][0]["env"][0]["value"] == task["id"]

    run(work)
    assert template == pod()


def test_hooks_in_threads(tmp_path: Path, module: Callable[[str, str], Path]) -> None:
    module(
        "threaded",
        """
        import time
        def f(template, task_data, **_):
            time.sleep(0.001)
            template["mark"] = task_data.id
            return {"template": template}
        """,
    )
    file = tmp_path / "rules.yaml"
    file.write_text(
        rules_text(hook_rule("threaded:f") + set_rule("b", "$.same", "${pod.mark}")), encoding="utf-8"
    )
    rules = podrules.load(file)

    def work(number: int) -> None:
        for _ in range(50):
            edited = rules.edit(pod(), stage="template", task={"id": f"t{number}"})
            assert edited.pod["mark"] == edited.pod["same"] == f"t{number}"

    run(work)


def test_other_threads_run_while_the_engine_does(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    # Each stays below the limit on a script's steps.
    script = "let n = 0; for i in 0..40000 { n += i; } pod.n = n;"
    body = "".join(f"- name: slow-{i}\n  do: [{{script: '{script}'}}]\n" for i in range(20))
    file.write_text(rules_text(body), encoding="utf-8")
    rules = podrules.load(file)
    edited: list[Any] = []
    ticks = 0
    start = time.perf_counter()
    thread = threading.Thread(target=lambda: edited.append(rules.edit(pod(), stage="template", task=TASK)))
    thread.start()
    while thread.is_alive():
        ticks += 1
        time.sleep(0)
    took = time.perf_counter() - start
    assert edited[0].pod["n"] == sum(range(40000))
    # If the engine held the GIL, this thread would be blocked from the first tick on.
    assert ticks > 20, took


def test_a_first_load_happens_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rules_text(set_rule("a", "$.x", 1)), encoding="utf-8")
    monkeypatch.setenv("PODRULES_RULES", str(file))
    monkeypatch.setattr(_update, "_watched", _update.Watched())
    loads: list[Any] = []
    load = _update.load

    def counted(*paths: Any) -> podrules.Rules:
        loads.append(paths)
        return load(*paths)

    monkeypatch.setattr(_update, "load", counted)

    def work(_: int) -> None:
        for _ in range(20):
            call()

    run(work)
    assert len(loads) == 1

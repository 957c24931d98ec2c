"""A small stand-in for the package while its compiled part isn't built: it knows just the operations of
these tests. conftest.py uses it only where `import podrules` gives nothing; delete this folder once that
is never so."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

__path__.append(str(Path(__file__).resolve().parents[5] / "python" / "podrules"))


class RulesError(Exception):
    def __init__(self, report: str, summary: str) -> None:
        super().__init__(report)
        self.summary = summary
        self.diagnostics: list[dict[str, Any]] = [{"message": summary}]


@dataclass
class Companion:
    lifetime: str
    manifest: dict[str, Any]
    rule: str


@dataclass
class Edited:
    pod: dict[str, Any]
    companions: list[Companion] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)


class Rules:
    def __init__(self, rules: list[dict[str, Any]], values: dict[str, Any]) -> None:
        self._rules, self._values = rules, values.get("agentk8sglue", {})

    @property
    def warnings(self) -> list[str]:
        return []

    @property
    def queues(self) -> list[str]:
        return list(self._values.get("queues", {}))

    @property
    def has_values(self) -> bool:
        return bool(self._values)

    def template(self, queue: str) -> dict[str, Any]:
        overrides = self._values.get("queues", {}).get(queue, {}).get("templateOverrides", {})
        given = {**self._values.get("basePodTemplate", {}), **overrides}
        spec = {"nodeSelector": given.get("nodeSelector", {}), "containers": [{"env": given.get("env", [])}]}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": given.get("labels", {})},
            "spec": spec,
        }

    def edit(self, pod: dict[str, Any], *, stage: str, task: Any, queue: str, **known: Any) -> Edited:
        edited = Edited(copy.deepcopy(pod))
        for rule in self._rules:
            if rule.get("stage", "template") == stage:
                self._run(rule, edited, {"task": task, "pod_name": "clearml-id-" + task["id"], **known})
        return edited

    def _run(self, rule: dict[str, Any], edited: Edited, known: dict[str, Any]) -> None:
        names = {**known, "pod": edited.pod, "queue": {"name": known["queue_name"]}}
        names.update(providers=known["providers_info"], config=known["task_config"])
        names["worker"] = {"id": known["worker"].worker_id}

        def fill(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: fill(item) for key, item in value.items()}
            if isinstance(value, list):
                return [fill(item) for item in value]
            if isinstance(value, str):
                return re.sub(r"\$\{(.*?)\}", lambda found: str(lookup(names, found[1])), value)
            return value

        for operation in rule.get("do", []):
            ((name, given),) = operation.items()
            container = edited.pod["spec"].setdefault("containers", [{}])[0]
            if name == "setEnv":
                container.setdefault("env", []).extend(
                    {"name": k, "value": fill(v)} for k, v in given["vars"].items()
                )
            elif name == "addLabels":
                edited.pod["metadata"].setdefault("labels", {}).update(fill(given["labels"]))
            elif name == "set":
                *path, last = given["path"].split(".")[1:]
                here = edited.pod
                for step in path:
                    here = here.setdefault(step, {})
                here[last] = fill(given["value"])
            elif name == "script":
                text = re.findall(r'(fail|print)\("(.*?)"\)', str(given))
                for call, said in text:
                    if call == "print":
                        edited.log.append((rule["name"], said))
                        continue
                    summary = f"rule `{rule['name']}` (rules.yaml:1): {said}"
                    raise RulesError(f"error[rule-failed]: {summary}\n  --> rules.yaml:1\n", summary)
            else:
                raise AssertionError(f"the stand-in doesn't know {name}")
        edited.companions.extend(
            Companion(given.get("lifetime", "pod"), fill(given["manifest"]), rule["name"])
            for given in rule.get("companions", [])
        )
        edited.applied.append(rule["name"])


def lookup(names: dict[str, Any], path: str) -> Any:
    here: Any = names
    for step in re.findall(r"\w+", path):
        here = here[int(step)] if step.isdigit() else here[step]
    return here


def load(*rules: str, values: list[str] | None = None) -> Rules:
    reader = YAML(typ="safe", pure=True)
    found: list[dict[str, Any]] = []
    for path in rules:
        document = reader.load(Path(path).read_text())
        for rule in document["rules"]:
            for operation in rule.get("do", []):
                if "noSuchOperation" in operation:
                    report = f"error[unknown-operation]: no such operation: noSuchOperation\n  --> {path}:5\n"
                    raise RulesError(report, "no such operation: noSuchOperation")
            found.append(rule)
    merged: dict[str, Any] = {}
    for path in values or []:
        merged.update(reader.load(Path(path).read_text()))
    return Rules(found, merged)


def check(pod: dict[str, Any]) -> list[str]:
    name = pod.get("metadata", {}).get("name", "")
    return (
        []
        if re.fullmatch(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?", name)
        else [f"metadata.name: not a name: {name}"]
    )

"""Companions: when they are created, who owns them, and when they are deleted."""

from __future__ import annotations

from typing import Any

import pytest
from agent_helpers import JOB, POD, claim, config_map, failed, launched, rules, steps
from conftest import TASK_ID, Harness


def test_companions_are_created_first_and_owned_by_the_pod(harness: Harness) -> None:
    one = {"name": "one", "companions": [claim(), config_map("first")]}
    two = {"name": "Rule No. 2!", "stage": "pod", "companions": [config_map("second", lifetime="pod")]}
    outcome = harness.run(
        "podrules", {"template": {"spec": {}}, "rules": rules(one, two), "agent": {"namespace": "ml"}}
    )
    pod = launched(outcome)
    assert steps(outcome) == [
        "create PersistentVolumeClaim/POD",
        "create ConfigMap/first",
        "create ConfigMap/second",
        "apply Pod/POD",
        "get Pod/POD",
        "patch PersistentVolumeClaim/POD",
        "patch ConfigMap/first",
        "patch ConfigMap/second",
    ]
    live = outcome.objects[f"Pod/{POD}"]["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": POD, "uid": live["uid"]}
    second = outcome.objects["ConfigMap/second"]
    assert second["metadata"]["ownerReferences"] == [owner]
    assert second["metadata"]["namespace"] == "ml"
    assert second["metadata"]["labels"] == {
        "podrules.io/task-id": TASK_ID,
        "podrules.io/rule": "Rule-No.-2-11a9c26b",
        "podrules.io/lifetime": "pod",
    }
    assert pod["metadata"]["name"] == POD
    for call in outcome.kubectl:
        if call.verb != "apply":
            assert call.argv[1:3] == ["--namespace", "ml"]
    create = outcome.kubectl[0]
    assert create.argv[3:-1] == ["-o", "json", "-f"]


def test_a_job_owns_its_companions(harness: Harness) -> None:
    rule = {"name": "one", "companions": [config_map("first")]}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(rule), "env": JOB})
    launched(outcome)
    (owner,) = outcome.objects["ConfigMap/first"]["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("batch/v1", "Job", POD)


@pytest.mark.parametrize("lifetime", ["task", "keep"])
def test_other_lifetimes_have_no_owner(harness: Harness, lifetime: str) -> None:
    rule = {"name": "one", "companions": [config_map("first", lifetime=lifetime)]}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(rule)})
    launched(outcome)
    assert steps(outcome) == ["create ConfigMap/first", "apply Pod/POD"]
    found = outcome.objects["ConfigMap/first"]["metadata"]
    assert found["labels"]["podrules.io/lifetime"] == lifetime
    assert "ownerReferences" not in found


FIRST_SECOND = rules({"name": "one", "companions": [config_map("first"), config_map("second")]})


def test_a_refused_companion_fails_the_task_and_removes_the_others(harness: Harness) -> None:
    refused = {
        "argv": ["create"],
        "holds": "second",
        "stderr": "Error from server (Forbidden): quota\n",
        "exit": 1,
    }
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": FIRST_SECOND, "kubectl": [refused]})
    failed(
        outcome,
        "rule `one`: its companion ConfigMap 'second' could not be created: Error from server (Forbidden)",
    )
    assert steps(outcome) == ["create ConfigMap/first", "create ConfigMap/second", "delete ConfigMap/first"]
    assert outcome.objects == {}


def test_a_refused_pod_removes_its_companions(harness: Harness) -> None:
    refused = {"argv": ["apply"], "stderr": "Error from server (Forbidden): no Pods today\n", "exit": 1}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": FIRST_SECOND, "kubectl": [refused]})
    failed(outcome, "no Pods today")
    assert steps(outcome)[-3:] == ["apply Pod/POD", "delete ConfigMap/second", "delete ConfigMap/first"]
    assert outcome.objects == {}


def there(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "first", "namespace": "clearml", "uid": "old", **metadata},
        "data": {"from": "before"},
    }


def test_a_companion_of_the_same_task_is_reused(harness: Harness) -> None:
    earlier = {"apiVersion": "v1", "kind": "Pod", "name": POD, "uid": "gone"}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}
    found = there(labels={"podrules.io/task-id": TASK_ID}, ownerReferences=[earlier, other])
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": FIRST_SECOND, "objects": [found]})
    launched(outcome)
    assert steps(outcome)[:4] == [
        "create ConfigMap/first",
        "get ConfigMap/first",
        "patch ConfigMap/first",
        "create ConfigMap/second",
    ]
    live = outcome.objects["ConfigMap/first"]
    assert live["data"] == {"from": "before"}
    uid = outcome.objects[f"Pod/{POD}"]["metadata"]["uid"]
    assert live["metadata"]["ownerReferences"] == [other, {**earlier, "uid": uid}]


def test_a_reused_companion_outlives_a_failure(harness: Harness) -> None:
    refused = {"argv": ["apply"], "stderr": "no\n", "exit": 1}
    case = {"template": {"spec": {}}, "rules": FIRST_SECOND, "kubectl": [refused]}
    outcome = harness.run("podrules", {**case, "objects": [there(labels={"podrules.io/task-id": TASK_ID})]})
    failed(outcome, "no")
    assert list(outcome.objects) == ["ConfigMap/first"]


@pytest.mark.parametrize("labels", [{}, {"podrules.io/task-id": "another"}])
def test_an_object_of_another_owner_is_left_alone(harness: Harness, labels: dict[str, str]) -> None:
    case = {"template": {"spec": {}}, "rules": FIRST_SECOND, "objects": [there(labels=labels)]}
    outcome = harness.run("podrules", case)
    failed(outcome, "its companion ConfigMap 'first' already exists and was not created for this task")
    assert outcome.objects == {"ConfigMap/first": there(labels=labels)}


def test_a_companion_must_be_in_the_tasks_namespace(harness: Harness) -> None:
    elsewhere = config_map("first")
    elsewhere["manifest"]["metadata"]["namespace"] = "kube-system"
    case = {"template": {"spec": {}}, "rules": rules({"name": "one", "companions": [elsewhere]})}
    outcome = harness.run("podrules", case)
    failed(outcome, "is in the namespace 'kube-system'")
    assert steps(outcome) == []
    assert harness.run("podrules", {**case, "agent": {"namespace": "kube-system"}}).task["status"] == "queued"


def test_a_companion_must_be_namespaced(harness: Harness) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    case = {"template": {"spec": {}}, "rules": rules({"name": "one", "companions": [{"manifest": role}]})}
    outcome = harness.run("podrules", case)
    failed(outcome, "is cluster-scoped")
    assert steps(outcome) == []
    # Only the cluster knows whether a custom resource is namespaced, so it is created, then deleted again.
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}}
    answer = '{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "uid": "u"}}'
    case["rules"] = rules({"name": "one", "companions": [{"manifest": thing}]})
    outcome = harness.run("podrules", {**case, "kubectl": [{"argv": ["create"], "stdout": answer}]})
    failed(outcome, "is cluster-scoped")
    assert steps(outcome) == ["create Thing/t", "delete Thing/t"]


def test_an_owner_that_cant_be_set_is_a_warning(harness: Harness) -> None:
    refused = {"argv": ["patch"], "stderr": "Error from server (Forbidden): patch\n", "exit": 1}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": FIRST_SECOND, "kubectl": [refused]})
    launched(outcome)
    log = outcome.server.logs(TASK_ID)
    assert "Warning: ConfigMap 'first' has no owner" in log
    assert "Warning: ConfigMap 'second' has no owner" in log


def test_a_hanging_kubectl_fails_the_task(harness: Harness) -> None:
    case = {
        "template": {"spec": {}},
        "rules": FIRST_SECOND,
        "env": {"PODRULES_KUBECTL_TIMEOUT": "1.5"},
        "kubectl": [{"argv": ["apply"], "sleep": 30}],
    }
    outcome = harness.run("podrules", case)
    failed(outcome, "kubectl did not exit within 1.5 seconds")
    assert steps(outcome)[2:] == [
        "apply Pod/POD",
        "delete Pod/POD",
        "delete ConfigMap/second",
        "delete ConfigMap/first",
    ]

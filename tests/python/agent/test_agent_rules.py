"""Our class with rules: what becomes of the Pod, of companions, and of tasks that can't be launched."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import TASK_ID, Harness, Outcome

POD = f"clearml-id-{TASK_ID}"
REASON = "The task's Pod could not be launched"


def rules(*given: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": list(given)}


def claim(name: str = "${pod_name}", **more: Any) -> dict[str, Any]:
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return {"manifest": manifest, **more}


def config_map(name: str, **more: Any) -> dict[str, Any]:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
    return {"manifest": manifest, **more}


def env_of(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def steps(outcome: Outcome) -> list[str]:
    """What was done with kubectl, as verb and object."""
    told = []
    for call in outcome.kubectl:
        manifest = call.manifest
        told.append(f"{call.verb} {manifest['kind']}/{manifest['metadata']['name'].replace(POD, 'POD')}")
    return told


def failed(outcome: Outcome, message: str) -> None:
    """The task failed with the message, isn't pending, and has no Pod."""
    assert outcome.result["escaped"] == [None]
    assert outcome.task["status"] == "failed"
    assert outcome.task["status_reason"] == REASON
    assert message in outcome.task["status_message"], outcome.output
    assert "\n" not in outcome.task["status_message"]
    assert outcome.server.pending == []
    assert f"Pod/{POD}" not in outcome.objects
    order = [call for call, _ in outcome.api if call in ("queues.remove_task", "tasks.failed")]
    assert order[-2:] == ["queues.remove_task", "tasks.failed"]
    assert REASON in outcome.server.logs(TASK_ID)


def launched(outcome: Outcome) -> dict[str, Any]:
    """The Pod of a task that waits for it."""
    assert outcome.result["escaped"] == [None], outcome.output
    assert outcome.task["status"] == "queued", outcome.output
    assert outcome.server.pending == [TASK_ID]
    (call,) = outcome.applied
    return call.manifest


TEAM = {
    "name": "team",
    "do": [{"addLabels": {"labels": {"team": "vision"}}}, {"setEnv": {"vars": {"A": "rule"}}}],
}
SEES = {
    "name": "sees",
    "stage": "pod",
    "do": [
        {
            "setEnv": {
                "vars": {
                    "IMAGE": "${pod.spec.containers[0].image}",
                    "COMMAND": "${pod.spec.containers[0].command[0]}",
                    "TASK": "${task.name}",
                    "QUEUE": "${queue.name}",
                }
            }
        }
    ],
}
FAILS = {"name": "refuses", "do": [{"script": 'fail("at most 8 GPUs")'}]}


def test_a_rule_on_the_template_comes_before_the_tasks_own(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "task": {"container": {"arguments": "-e B=task"}}}
    case["agent"] = {"debug": True}
    outcome = harness.run("podrules", case)
    pod = launched(outcome)
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert env_of(pod["spec"]["containers"][0])["A"] == "rule"
    assert env_of(pod["spec"]["containers"][0])["B"] == "task"
    assert "rules applied in the stage template: team" in outcome.output


def test_the_tasks_variable_wins_over_a_rule_on_the_template(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "task": {"container": {"arguments": "-e A=task"}}}
    assert env_of(launched(harness.run("podrules", case))["spec"]["containers"][0])["A"] == "task"


def test_a_rule_on_the_pod_sees_all_of_it(harness: Harness) -> None:
    pod = launched(harness.run("podrules", {"template": {"spec": {}}, "rules": rules(SEES)}))
    seen = env_of(pod["spec"]["containers"][0])
    assert seen["IMAGE"] == "ubuntu:22.04"
    assert seen["COMMAND"] == "/bin/bash"
    assert seen["TASK"] == "Train ResNet"
    assert seen["QUEUE"] == "train"


@pytest.mark.parametrize("stage", ["template", "pod"])
def test_a_rule_knows_what_the_agent_knows(harness: Harness, stage: str) -> None:
    known = {
        "ROLE": "${providers.role}",
        "IP": "${config.nfs.server.ip}",
        "WORKER": "${worker.id}",
        "NAMESPACE": "${namespace}",
        "GPUS": "${task.hyperparams.Args.gpus.value}",
    }
    case = {
        "template": {"spec": {}},
        "rules": rules({"name": "knows", "stage": stage, "do": [{"setEnv": {"vars": known}}]}),
        "conf": 'nfs.server.ip: "10.0.0.5"\n',
        "agent": {"namespace": "ml"},
        "owner": "u1",
        "login": {"feature_set": "enterprise", "providers_info": {"role": "researcher"}},
    }
    seen = env_of(launched(harness.run("podrules", case))["spec"]["containers"][0])
    assert {name: seen[name] for name in known} == {
        "ROLE": "researcher",
        "IP": "10.0.0.5",
        "WORKER": "agent-1:0",
        "NAMESPACE": "ml",
        "GPUS": "2",
    }


def test_the_calls_of_the_api_are_those_without_rules(harness: Harness) -> None:
    case = {"template": {"spec": {}}}
    api = harness.run("plain", case).api
    assert harness.run("podrules", {**case, "rules": rules(TEAM, SEES)}).api == api


VALUES = {
    "agentk8sglue": {
        "basePodTemplate": {"nodeSelector": {"pool": "cpu"}, "env": [{"name": "FROM", "value": "values"}]},
        "queues": {"train": {"templateOverrides": {"nodeSelector": {"pool": "gpu"}}}, "other": {}},
    }
}


@pytest.mark.parametrize(("queue", "pool"), [("train", "gpu"), ("other", "cpu"), ("nobody's", "cpu")])
def test_values_make_the_template_of_each_queue(harness: Harness, queue: str, pool: str) -> None:
    pod = launched(harness.run("podrules", {"values": VALUES, "rules": rules(TEAM), "queue": queue}))
    assert pod["spec"]["nodeSelector"] == {"pool": pool}
    assert pod["metadata"]["labels"]["team"] == "vision"
    seen = env_of(pod["spec"]["containers"][0])
    assert seen["FROM"] == "values"
    assert seen["A"] == "rule"


def test_a_given_template_wins_over_values(harness: Harness) -> None:
    case = {"template": {"spec": {"nodeSelector": {"pool": "mine"}}}, "values": VALUES, "rules": rules(TEAM)}
    pod = launched(harness.run("podrules", case))
    assert pod["spec"]["nodeSelector"] == {"pool": "mine"}
    assert pod["metadata"]["labels"]["team"] == "vision"


JOB = {"CLEARML_K8S_GLUE_KIND": "job"}


def test_in_job_mode_rules_see_the_jobs_pod(harness: Harness) -> None:
    template = {
        "metadata": {"labels": {"of": "job"}},
        "spec": {"template": {"metadata": {"labels": {"of": "pod"}}}},
    }
    job = launched(harness.run("podrules", {"template": template, "rules": rules(TEAM, SEES), "env": JOB}))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["metadata"]["labels"]["of"] == "job"
    assert "team" not in job["metadata"]["labels"]
    pod = job["spec"]["template"]
    assert pod["metadata"]["labels"]["of"] == "pod"
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert set(pod) == {"metadata", "spec"}
    assert set(pod["metadata"]) == {"labels"}
    assert env_of(pod["spec"]["containers"][0])["IMAGE"] == "ubuntu:22.04"


def test_in_job_mode_values_make_the_jobs_pod(harness: Harness) -> None:
    job = launched(harness.run("podrules", {"values": VALUES, "rules": rules(TEAM), "env": JOB}))
    assert job["kind"] == "Job"
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert "nodeSelector" not in job["spec"]


@pytest.mark.parametrize("env", [{}, JOB])
def test_a_rule_may_choose_the_namespace(harness: Harness, env: dict[str, str]) -> None:
    moves = {
        "name": "moves",
        "do": [{"set": {"path": "$.metadata.namespace", "value": "team-a"}}],
        "companions": [config_map("first")],
    }
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(moves, SEES), "env": env})
    manifest = launched(outcome)
    assert manifest["metadata"]["namespace"] == "team-a"
    assert "namespace" not in manifest["spec"].get("template", {}).get("metadata", {})
    assert outcome.applied[0].argv[:-1] == ["apply", "--namespace=team-a", "-f"]
    assert outcome.objects["ConfigMap/first"]["metadata"]["namespace"] == "team-a"


@pytest.mark.parametrize("stage", ["template", "pod"])
def test_a_rule_that_fails_fails_the_task(harness: Harness, stage: str) -> None:
    case = {
        "template": {"spec": {}},
        "rules": rules({"name": "claims", "companions": [claim()]}, {**FAILS, "stage": stage}),
    }
    outcome = harness.run("podrules", case)
    failed(outcome, "at most 8 GPUs")
    assert "refuses" in outcome.task["status_message"]
    assert "rules.yaml" in outcome.server.logs(TASK_ID)
    assert "Traceback" not in outcome.server.logs(TASK_ID)
    assert steps(outcome) == []


def test_an_owners_task_fails_in_the_owners_name(harness: Harness) -> None:
    login = {"feature_set": "enterprise", "providers_info": {"ad-role": "researcher"}}
    case = {"template": {"spec": {}}, "rules": rules(FAILS), "owner": "u1", "login": login}
    failed(harness.run("podrules", case), "at most 8 GPUs")


def test_a_rules_output_is_in_the_tasks_log(harness: Harness) -> None:
    case = {
        "template": {"spec": {}},
        "rules": rules({"name": "talks", "do": [{"script": 'print("hello there")'}]}),
    }
    outcome = harness.run("podrules", case)
    launched(outcome)
    assert "[talks] hello there" in outcome.server.logs(TASK_ID)
    assert "[talks] hello there" in outcome.output


def test_a_rule_may_not_take_the_pod_away_from_the_agent(harness: Harness) -> None:
    renames = {
        "name": "renames",
        "stage": "pod",
        "do": [{"set": {"path": "$.metadata.name", "value": "other"}}],
    }
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(renames)})
    failed(outcome, "by which the agent finds it")
    assert outcome.applied == []
    relabels = {"name": "relabels", "stage": "pod", "do": [{"addLabels": {"labels": {"CLEARML": "agent-0"}}}]}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(relabels)})
    failed(outcome, "the label by which the agent finds its Pods")


def test_what_the_cluster_will_refuse_is_a_warning(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "agent": {"pod_name_prefix": "Task_"}}
    outcome = harness.run("podrules", case)
    launched(outcome)
    assert "Warning: the cluster may refuse the Pod: " in outcome.server.logs(TASK_ID)
    assert f"Task_{TASK_ID}" in outcome.server.logs(TASK_ID)


# Companions.


def test_companions_come_first_and_go_with_the_pod(harness: Harness) -> None:
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
        "podrules.io/rule": "Rule-No.-2",
        "podrules.io/lifetime": "pod",
    }
    assert pod["metadata"]["name"] == POD
    for call in outcome.kubectl:
        if call.verb != "apply":
            assert call.argv[1:3] == ["--namespace", "ml"]
    create = outcome.kubectl[0]
    assert create.argv[3:-1] == ["-o", "json", "-f"]


def test_a_jobs_companions_belong_to_the_job(harness: Harness) -> None:
    rule = {"name": "one", "companions": [config_map("first")]}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(rule), "env": JOB})
    launched(outcome)
    (owner,) = outcome.objects["ConfigMap/first"]["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("batch/v1", "Job", POD)


@pytest.mark.parametrize("lifetime", ["task", "keep"])
def test_others_stay(harness: Harness, lifetime: str) -> None:
    rule = {"name": "one", "companions": [config_map("first", lifetime=lifetime)]}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": rules(rule)})
    launched(outcome)
    assert steps(outcome) == ["create ConfigMap/first", "apply Pod/POD"]
    found = outcome.objects["ConfigMap/first"]["metadata"]
    assert found["labels"]["podrules.io/lifetime"] == lifetime
    assert "ownerReferences" not in found


FIRST_SECOND = rules({"name": "one", "companions": [config_map("first"), config_map("second")]})


def test_a_companion_that_is_refused_fails_the_task_and_takes_the_others_back(harness: Harness) -> None:
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


def test_a_pod_that_is_refused_takes_its_companions_back(harness: Harness) -> None:
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
def test_somebody_elses_object_is_left_alone(harness: Harness, labels: dict[str, str]) -> None:
    case = {"template": {"spec": {}}, "rules": FIRST_SECOND, "objects": [there(labels=labels)]}
    outcome = harness.run("podrules", case)
    failed(outcome, "its companion ConfigMap 'first' exists already, and wasn't made for this task")
    assert outcome.objects == {"ConfigMap/first": there(labels=labels)}


def test_a_companion_stays_in_the_tasks_namespace(harness: Harness) -> None:
    elsewhere = config_map("first")
    elsewhere["manifest"]["metadata"]["namespace"] = "kube-system"
    case = {"template": {"spec": {}}, "rules": rules({"name": "one", "companions": [elsewhere]})}
    outcome = harness.run("podrules", case)
    failed(outcome, "is in the namespace 'kube-system'")
    assert steps(outcome) == []
    assert harness.run("podrules", {**case, "agent": {"namespace": "kube-system"}}).task["status"] == "queued"


def test_a_companion_is_in_a_namespace(harness: Harness) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    case = {"template": {"spec": {}}, "rules": rules({"name": "one", "companions": [{"manifest": role}]})}
    outcome = harness.run("podrules", case)
    failed(outcome, "stands outside namespaces")
    assert steps(outcome) == []
    # Of a custom resource only the cluster knows, so it is created, and deleted again.
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}}
    answer = '{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "uid": "u"}}'
    case["rules"] = rules({"name": "one", "companions": [{"manifest": thing}]})
    outcome = harness.run("podrules", {**case, "kubectl": [{"argv": ["create"], "stdout": answer}]})
    failed(outcome, "stands outside namespaces")
    assert steps(outcome) == ["create Thing/t", "delete Thing/t"]


def test_an_owner_that_cant_be_set_is_a_warning(harness: Harness) -> None:
    refused = {"argv": ["patch"], "stderr": "Error from server (Forbidden): patch\n", "exit": 1}
    outcome = harness.run("podrules", {"template": {"spec": {}}, "rules": FIRST_SECOND, "kubectl": [refused]})
    launched(outcome)
    log = outcome.server.logs(TASK_ID)
    assert "Warning: ConfigMap 'first' has no owner" in log
    assert "Warning: ConfigMap 'second' has no owner" in log


# Time.


def test_kubectl_that_doesnt_end_fails_the_task(harness: Harness) -> None:
    case = {
        "template": {"spec": {}},
        "rules": FIRST_SECOND,
        "env": {"PODRULES_KUBECTL_TIMEOUT": "1.5"},
        "kubectl": [{"argv": ["apply"], "sleep": 30}],
    }
    outcome = harness.run("podrules", case)
    failed(outcome, "kubectl did not end within 1.5 seconds")
    assert steps(outcome)[2:] == [
        "apply Pod/POD",
        "delete Pod/POD",
        "delete ConfigMap/second",
        "delete ConfigMap/first",
    ]


def test_every_launch_counts_for_itself(harness: Harness) -> None:
    case = {
        "template": {"spec": {}},
        "rules": rules(TEAM, SEES, {"name": "one", "companions": [config_map("first")]}),
    }
    outcome = harness.run("podrules", {**case, "launches": 2})
    assert outcome.result["escaped"] == [None, None]
    one, two = outcome.applied
    assert one.manifest == two.manifest
    assert steps(outcome).count("create ConfigMap/first") == 2

"""Our class with rules: the Pod, its companions, and tasks that can't be launched."""

from __future__ import annotations

import pytest
from agent_helpers import JOB, claim, config_map, env_of, failed, launched, rules, steps
from conftest import TASK_ID, Harness

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


def test_a_template_rule_runs_before_the_tasks_settings(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "task": {"container": {"arguments": "-e B=task"}}}
    case["agent"] = {"debug": True}
    outcome = harness.run("podrules", case)
    pod = launched(outcome)
    assert pod["metadata"]["labels"]["team"] == "vision"
    assert env_of(pod["spec"]["containers"][0])["A"] == "rule"
    assert env_of(pod["spec"]["containers"][0])["B"] == "task"
    assert "rules applied (stage: template): team" in outcome.output


def test_the_tasks_variable_overrides_a_template_rule(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "task": {"container": {"arguments": "-e A=task"}}}
    assert env_of(launched(harness.run("podrules", case))["spec"]["containers"][0])["A"] == "task"


def test_a_pod_rule_sees_the_complete_pod(harness: Harness) -> None:
    pod = launched(harness.run("podrules", {"template": {"spec": {}}, "rules": rules(SEES)}))
    seen = env_of(pod["spec"]["containers"][0])
    assert seen["IMAGE"] == "ubuntu:22.04"
    assert seen["COMMAND"] == "/bin/bash"
    assert seen["TASK"] == "Train ResNet"
    assert seen["QUEUE"] == "train"


@pytest.mark.parametrize("stage", ["template", "pod"])
def test_a_rule_knows_the_pods_name(harness: Harness, stage: str) -> None:
    names = {"name": "names", "stage": stage, "do": [{"setEnv": {"vars": {"NAME": "${pod_name}"}}}]}
    case = {"template": {"spec": {}}, "rules": rules(names), "agent": {"pod_name_prefix": "team-"}}
    pod = launched(harness.run("podrules", case))
    assert env_of(pod["spec"]["containers"][0])["NAME"] == f"team-{TASK_ID}" == pod["metadata"]["name"]


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


def test_rules_dont_change_the_api_calls(harness: Harness) -> None:
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


def test_a_given_template_overrides_values(harness: Harness) -> None:
    case = {"template": {"spec": {"nodeSelector": {"pool": "mine"}}}, "values": VALUES, "rules": rules(TEAM)}
    pod = launched(harness.run("podrules", case))
    assert pod["spec"]["nodeSelector"] == {"pool": "mine"}
    assert pod["metadata"]["labels"]["team"] == "vision"


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
def test_a_rule_can_choose_the_namespace(harness: Harness, env: dict[str, str]) -> None:
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
def test_a_failing_rule_fails_the_task(harness: Harness, stage: str) -> None:
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


def test_an_owners_task_fails_with_the_owners_token(harness: Harness) -> None:
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


def test_a_rule_may_not_hide_the_pod_from_the_agent(harness: Harness) -> None:
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


def test_a_pod_that_the_cluster_may_refuse_is_a_warning(harness: Harness) -> None:
    case = {"template": {"spec": {}}, "rules": rules(TEAM), "agent": {"pod_name_prefix": "Task_"}}
    outcome = harness.run("podrules", case)
    launched(outcome)
    assert "Warning: the cluster may refuse the Pod: " in outcome.server.logs(TASK_ID)
    assert f"Task_{TASK_ID}" in outcome.server.logs(TASK_ID)


def test_launches_are_independent(harness: Harness) -> None:
    case = {
        "template": {"spec": {}},
        "rules": rules(TEAM, SEES, {"name": "one", "companions": [config_map("first")]}),
    }
    outcome = harness.run("podrules", {**case, "launches": 2})
    assert outcome.result["escaped"] == [None, None]
    one, two = outcome.applied
    assert one.manifest == two.manifest
    assert steps(outcome).count("create ConfigMap/first") == 2

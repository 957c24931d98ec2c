"""Runs tasks through ClearML's agent, each job in its own process: the agent keeps state in classes.

Reads one job per line, forks, and reports on stdout when its result is written. Started once, since importing
the agent's package takes longer than a job."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

TIME_LIMIT = 60


def agent_class(job: dict[str, Any]) -> Any:
    if job["class"] == "plain":
        from clearml_agent.glue.k8s import K8sIntegration

        return K8sIntegration
    from podrules.clearml import PodrulesK8sIntegration

    return PodrulesK8sIntegration


def launch(job: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(job.get("agent") or {})
    if job.get("port_properties"):
        arguments["user_props_cb"] = lambda pod_number=0: {
            "k8s-pod-port": job["port_properties"] + pod_number
        }
    agent = agent_class(job)(**arguments)
    agent._ensure_pending_queue_exists()
    session = None
    if job.get("owner"):
        session = agent.get_task_session(job["owner"], "company", agent._session)
    escaped = []
    for queue, task in job["tasks"]:
        try:
            agent.run_one_task(queue, task, None, session)
            escaped.append(None)
        except Exception as error:
            traceback.print_exc()
            escaped.append(type(error).__name__)
    return {"escaped": escaped, "command": agent.KUBECTL_APPLY_CMD}


def child(job: dict[str, Any]) -> None:
    signal.alarm(TIME_LIMIT)
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["environment"]["HOME"])
    try:
        result = launch(job)
    except BaseException as error:
        traceback.print_exc()
        result = {"broken": f"{type(error).__name__}: {error}"}
    with open(job["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    import clearml_agent.glue.k8s
    import podrules.clearml.integration  # noqa: F401

    assert clearml_agent.glue.k8s
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(json.loads(line))
        os.waitpid(process, 0)
        print("done", flush=True)


if __name__ == "__main__":
    # Modules in the tests' folder could shadow others; everything needed is on PYTHONPATH.
    main()

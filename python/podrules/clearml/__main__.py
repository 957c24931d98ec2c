"""`python -m podrules.clearml` starts the agent. It replaces ClearML's `k8s_glue_example.py`, with the same
flags and also `--rules` and `--values`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Sequence

import podrules
from podrules.clearml.settings import kubectl_timeout, load_rules


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    flags = argparse.ArgumentParser(
        prog="python -m podrules.clearml",
        description="ClearML's agent for Kubernetes, with podrules' rules on every task's Pod.",
    )
    add = flags.add_argument
    add("--queue", help="queues to take tasks from, separated by commas; the first has the highest priority")
    add("--create-queue", action="store_true", help="create queues that don't exist")
    add(
        "--k8s-pending-queue-name",
        default="k8s_scheduler",
        help="queue that holds tasks whose Pod hasn't started yet (default: %(default)s)",
    )
    add("--namespace", default="clearml", help="namespace of the Pods (default: %(default)s)")
    add(
        "--template-yaml",
        help="YAML file with the Pod template; takes precedence over the template of --values",
    )
    add("--overrides-yaml", help="YAML file that ClearML's class reads but no longer uses")
    add("--pod-clearml-conf", help="clearml.conf for the Pods (default: the agent's own)")
    add("--container-bash-script", help="file with the script that starts the task in its container")
    add(
        "--pod-name-prefix",
        default="clearml-id-",
        help="prefix of the Pods' names (default: %(default)s)",
    )
    add(
        "--ssh-server-port",
        type=int,
        default=0,
        help="start an SSH server on this port in every Pod (default: none)",
    )
    add(
        "--no-system-packages", action="store_true", help="tasks don't see the Python packages of their image"
    )
    add(
        "--use-owner-token",
        action="store_true",
        help="run each task as its owner (needs a ClearML Enterprise server)",
    )
    add("--debug", action="store_true", help="log more")
    limits = flags.add_mutually_exclusive_group()
    limits.add_argument(
        "--max-pods", type=int, help="maximum number of Pods at a time (not with --ports-mode)"
    )
    limits.add_argument(
        "--ports-mode",
        action="store_true",
        help="give every Pod a numbered label that a Service can select (not with --max-pods)",
    )
    add("--num-of-services", type=int, default=20, help="number of such Services (default: %(default)s)")
    add("--base-pod-num", type=int, default=1, help="the first number (default: %(default)s)")
    add("--base-port", type=int, help="port that a task gets, plus its Pod's number, as a user property")
    add("--gateway-address", help="address of the Services that a task gets as a user property")
    add(
        "--limit-pod-label",
        default="ai.allegro.agent.serial=pod-{pod_number}",
        help="the numbered label (default: %(default)s)",
    )
    rules = flags.add_argument_group("rules")
    rules.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="FILE",
        help="rules file, or folder of rules files; can be repeated (default: the files of PODRULES_RULES)",
    )
    rules.add_argument(
        "--values",
        action="append",
        default=[],
        metavar="FILE",
        help="Helm values of the agent, with rules, the Pod template and each queue's overrides; can be "
        "repeated, the last takes precedence (default: the files of PODRULES_VALUES)",
    )
    return flags


def port_properties(base_port: int, gateway: str | None) -> Callable[..., dict[str, object]]:
    """The user properties that tell a task its port and the gateway's address."""

    def properties(pod_number: int = 0) -> dict[str, object]:
        found: dict[str, object] = {"k8s-pod-port": base_port + pod_number}
        if gateway:
            found["k8s-gateway-address"] = gateway
        return found

    return properties


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the agent until it is stopped. Returns 1 if the rules have mistakes."""
    given = parser().parse_args(arguments)
    try:
        rules = load_rules(given.rules, given.values)
        kubectl_timeout()
    except (podrules.RulesError, ValueError, OSError) as error:
        print(str(error).rstrip(), file=sys.stderr)
        return 1

    from podrules.clearml.integration import PodrulesK8sIntegration

    script = given.container_bash_script
    agent = PodrulesK8sIntegration(
        rules=rules,
        k8s_pending_queue_name=given.k8s_pending_queue_name,
        container_bash_script=Path(script).read_text().splitlines() if script else None,
        debug=given.debug,
        ports_mode=given.ports_mode,
        num_of_services=given.num_of_services,
        base_pod_num=given.base_pod_num,
        user_props_cb=(
            port_properties(given.base_port, given.gateway_address)
            if given.ports_mode and given.base_port
            else None
        ),
        overrides_yaml=given.overrides_yaml,
        template_yaml=given.template_yaml,
        clearml_conf_file=given.pod_clearml_conf,
        extra_bash_init_script=(
            PodrulesK8sIntegration.get_ssh_server_bash(ssh_port_number=given.ssh_server_port)
            if given.ssh_server_port
            else None
        ),
        namespace=given.namespace,
        max_pods_limit=given.max_pods or None,
        pod_name_prefix=given.pod_name_prefix,
        limit_pod_label=given.limit_pod_label,
        force_system_packages=not given.no_system_packages,
    )
    queues = [name.strip() for name in (given.queue or "").split(",") if name.strip()]
    agent.k8s_daemon(queues or None, use_owner_token=given.use_owner_token, create_queue=given.create_queue)
    return 0


if __name__ == "__main__":
    sys.exit(main())

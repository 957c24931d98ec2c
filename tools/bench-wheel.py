#!/usr/bin/env python3
"""Compares the cost of `update_template` with copy.deepcopy of the same template in the same run.

Run it with the wheel installed: python tools/bench-wheel.py. Read the ratios: absolute times depend on the
machine.
"""

import copy
import json
import os
import statistics
import tempfile
import time

import podrules


def template():
    """A template of about 5 KB with two containers."""

    def env(prefix):
        return [
            {"name": f"{prefix}_VARIABLE_{i}", "value": f"some value of usual length {i}"} for i in range(26)
        ]

    mounts = [{"name": f"volume-{i}", "mountPath": f"/mnt/data/{i}", "readOnly": True} for i in range(6)]
    volumes = [
        {"name": f"volume-{i}", "persistentVolumeClaim": {"claimName": f"claim-{i}"}} for i in range(6)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": "clearml",
            "labels": {"app": "clearml", "team": "vision"},
            "annotations": {"example.com/owner": "somebody@example.com"},
        },
        "spec": {
            "serviceAccountName": "clearml",
            "restartPolicy": "Never",
            "volumes": volumes,
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [
                {
                    "name": "task",
                    "image": "nvidia/cuda:12.6.3",
                    "env": env("TASK"),
                    "volumeMounts": mounts,
                    "resources": {"limits": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": 1}},
                },
                {"name": "proxy", "image": "envoyproxy/envoy:v1.31", "env": env("PROXY")},
            ],
        },
    }


def rules(count):
    """Rules that each add a variable to both containers."""
    lines = ["apiVersion: podrules.io/v1", "kind: Rules", "rules:"]
    for i in range(count):
        lines += [
            f"  - name: rule-{i}",
            "    queues: [train]",
            f'    do: [{{setEnv: {{vars: {{ADDED_{i}: "value {i}"}}, containers: all}}}}]',
        ]
    return "\n".join(lines) + "\n"


def without_shared_keys(value):
    """The value with a separate string object for every key and text, as some YAML readers return it."""
    if isinstance(value, dict):
        return {"".join(list(key)): without_shared_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_shared_keys(item) for item in value]
    return "".join(list(value)) if isinstance(value, str) else value


def measure(cases, rounds=41, calls=200):
    """The median and minimum time of each case in microseconds, measured alternately."""
    samples = {name: [] for name, _ in cases}
    for _ in range(rounds):
        for name, work in cases:
            start = time.perf_counter()
            for _ in range(calls):
                work()
            samples[name].append((time.perf_counter() - start) / calls * 1e6)
    return {name: (statistics.median(times), min(times)) for name, times in samples.items()}


def main():
    given = template()
    separate = without_shared_keys(given)
    agent = {
        "queue": "q1",
        "queue_name": "train",
        "task_data": None,
        "providers_info": {},
        "task_config": {},
        "worker": "w:0",
        "task_dict": {"id": "0a1b2c3d", "name": "train"},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(rules(10))
        os.utime(path, (1, 1))
        os.environ["PODRULES_RULES"] = path
        edited = podrules.update_template(template=given, **agent)["template"]
        assert len(edited["spec"]["containers"][0]["env"]) == 36
        assert len(given["spec"]["containers"][0]["env"]) == 26
        convert = podrules._native.convert
        times = measure(
            [
                ("copy.deepcopy", lambda: copy.deepcopy(given)),
                ("json.dumps + json.loads", lambda: json.loads(json.dumps(given))),
                ("to Rust and back", lambda: convert(given)),
                ("update_template, 10 rules", lambda: podrules.update_template(template=given, **agent)),
                (
                    "update_template, 10 rules, no shared strings",
                    lambda: podrules.update_template(template=separate, **agent),
                ),
            ]
        )
    print(f"template of {len(json.dumps(given))} bytes")
    base = times["copy.deepcopy"]
    print(f"{'':44}{'median, us':>12}{'ratio':>8}{'min, us':>12}{'ratio':>8}")
    for name, (median, least) in times.items():
        print(f"{name:44}{median:12.1f}{median / base[0]:8.2f}{least:12.1f}{least / base[1]:8.2f}")


if __name__ == "__main__":
    main()

"""The Pod that rules edit: the Pod of the manifest, or in job mode the Pod of the Job."""

from __future__ import annotations

from typing import Any, Dict, cast

from podrules.clearml.kubectl import Manifest


def template_for(pod: Manifest, *, job: bool) -> Manifest:
    """The template of the values in the form that the agent needs: unchanged, or as a Job's template."""
    if not job:
        return pod
    metadata = dict(part(pod, "metadata"))
    outer = {"namespace": metadata.pop("namespace")} if "namespace" in metadata else {}
    inner: Manifest = {"spec": pod.get("spec") or {}}
    if metadata:
        inner["metadata"] = metadata
    template: Manifest = {"spec": {"template": inner}}
    if outer:
        template["metadata"] = outer
    return template


def with_container(template: Manifest, *, job: bool) -> Manifest:
    """The template with an empty container for the task if it has none, so that rules find one."""
    if job:
        outer = part(template, "spec")
        return {
            **template,
            "spec": {**outer, "template": with_container(part(outer, "template"), job=False)},
        }
    spec = part(template, "spec")
    return template if spec.get("containers") else {**template, "spec": {**spec, "containers": [{}]}}


def pod_of(manifest: Manifest, name: str, namespace: str, *, job: bool) -> Manifest:
    """The Pod in a manifest or template, with its later name and namespace."""
    source = part(part(manifest, "spec"), "template") if job else manifest
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod"}
    pod.update({key: value for key, value in source.items() if not (job and key in pod)})
    pod.setdefault("spec", {})
    pod["metadata"] = {**part(source, "metadata"), "name": name}
    pod["metadata"].setdefault("namespace", namespace)
    return pod


def put_back(manifest: Manifest, pod: Manifest, namespace: str, *, job: bool) -> Manifest:
    """A new manifest with the edited Pod in it, without what `pod_of` added. A namespace that a rule set
    becomes the manifest's."""
    source = part(part(manifest, "spec"), "template") if job else manifest
    before = part(source, "metadata")
    edited = dict(pod)
    for key, added in (("apiVersion", "v1"), ("kind", "Pod")):
        if key not in source and edited.get(key) == added:
            del edited[key]
    edited["metadata"] = metadata = dict(part(pod, "metadata"))
    if job or "name" not in before:
        metadata.pop("name", None)
    chosen = metadata.get("namespace")
    if "namespace" not in before and (job or chosen == namespace):
        metadata.pop("namespace", None)
    if not metadata and "metadata" not in source:
        del edited["metadata"]
    if "spec" not in source and not edited.get("spec"):
        edited.pop("spec", None)
    if not job:
        return edited
    outer = {**manifest, "spec": {**part(manifest, "spec"), "template": edited}}
    if chosen not in (None, namespace, before.get("namespace")):
        outer["metadata"] = {**part(manifest, "metadata"), "namespace": chosen}
    return outer


def part(value: Manifest, key: str) -> dict[str, Any]:
    """A mapping in another; empty if there is none."""
    part: object = value.get(key)
    return cast("Dict[str, Any]", part) if isinstance(part, dict) else {}

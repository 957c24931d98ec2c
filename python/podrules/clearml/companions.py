"""Objects that a rule wants to exist beside the Pod: a PersistentVolumeClaim, a ConfigMap, a Secret.

They are created before the Pod, one after another. If one can't be created, or the Pod can't be applied,
those created before are deleted again. What becomes of them later depends on their lifetime:

- `pod`: they are given the Pod (or the Job) as their owner, so Kubernetes deletes them with it.
- `task`, `keep`: they stay. Each carries labels with the task's id, the rule's name and its lifetime; nothing
  here removes them when the task ends. An admin's clean-up finds them by these labels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Protocol, cast

from podrules._native import label_value
from podrules.clearml.failure import TaskFailure, one_line
from podrules.clearml.kubectl import Kubectl, Manifest, Result, reference

TASK_LABEL = "podrules.io/task-id"
RULE_LABEL = "podrules.io/rule"
LIFETIME_LABEL = "podrules.io/lifetime"

# How long an object of an earlier launch may take to go, in seconds, and how often we look.
DELETION_WAIT = 30.0
DELETION_POLL = 2.0

# Kinds that stand outside any namespace. Others, of custom resources, are found out when they were created.
CLUSTER_KINDS = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)


class Companion(Protocol):
    """What the rules give: see `podrules.Companion`."""

    @property
    def lifetime(self) -> str: ...
    @property
    def manifest(self) -> dict[str, Any]: ...
    @property
    def rule(self) -> str: ...


@dataclass(frozen=True)
class Made:
    """A companion that is there. `live` is the object as the cluster has it."""

    companion: Companion
    live: Manifest
    reused: bool


def _owners(live: Manifest) -> list[Manifest]:
    return list(_mapping(live.get("metadata")).get("ownerReferences") or [])


def _mapping(value: object) -> dict[str, Any]:
    return cast("Dict[str, Any]", value) if isinstance(value, dict) else {}


class Companions:
    """The companions of one task's Pod, or Job: `owner` names it."""

    def __init__(self, kubectl: Kubectl, task_id: str, owner: Manifest, warn: Callable[[str], None]) -> None:
        self._kubectl = kubectl
        self._owner = reference(owner)
        self._task_label = label_value(task_id)
        self._warn = warn
        self._made: list[Made] = []

    def create(self, companions: list[Companion]) -> None:
        """Creates all of them, or none: TaskFailure."""
        prepared = [(companion, self._prepared(companion)) for companion in companions]
        try:
            for companion, manifest in prepared:
                self._made.append(self._create(companion, manifest))
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Deletes what was created here, the last first. What was there before stays."""
        while self._made:
            made = self._made.pop()
            if not made.reused:
                self._delete(made.live)

    def own(self) -> None:
        """Gives those that go with the Pod to it. The Pod runs already, so what fails here is a warning."""
        mine = [made for made in self._made if made.companion.lifetime == "pod"]
        if not mine:
            return
        found = self._kubectl.get(self._owner)
        try:
            if not found.ok:
                raise ValueError(found.error)
            live = found.object()
            owned_by = {
                "apiVersion": live["apiVersion"],
                "kind": live["kind"],
                "name": live["metadata"]["name"],
                "uid": live["metadata"]["uid"],
            }
        except (ValueError, KeyError, TypeError) as error:
            self._warn(f"the companions have no owner, and stay when the Pod goes: {one_line(str(error))}")
            return
        for made in mine:
            owners = [*self._other_owners(made.live), owned_by]
            result = self._kubectl.patch(reference(made.live), {"metadata": {"ownerReferences": owners}})
            if not result.ok:
                self._warn(
                    f"{told(made.live)} has no owner, and stays when the Pod goes: {one_line(result.error)}"
                )

    def _other_owners(self, live: Manifest) -> list[Manifest]:
        """The owners that an object has, without an earlier Pod of the same task."""
        ours = (self._owner["kind"], self._owner["metadata"].get("name"))
        return [other for other in _owners(live) if (other.get("kind"), other.get("name")) != ours]

    def _prepared(self, companion: Companion) -> Manifest:
        """The manifest with our labels, in the task's namespace."""
        manifest = dict(companion.manifest)
        metadata = dict(_mapping(manifest.get("metadata")))
        name, kind = metadata.get("name"), manifest.get("kind")
        if not (
            isinstance(name, str) and name and isinstance(kind, str) and kind and manifest.get("apiVersion")
        ):
            raise self._failure(companion, manifest, "needs apiVersion, kind and metadata.name")
        if kind in CLUSTER_KINDS:
            raise self._failure(companion, manifest, "stands outside namespaces, which a companion may not")
        namespace = metadata.get("namespace")
        if namespace not in (None, "", self._kubectl.namespace):
            where = f"is in the namespace {namespace!r}, but the task's Pod is in {self._kubectl.namespace!r}"
            raise self._failure(companion, manifest, where)
        metadata["namespace"] = self._kubectl.namespace
        metadata["labels"] = {
            **_mapping(metadata.get("labels")),
            TASK_LABEL: self._task_label,
            RULE_LABEL: label_value(companion.rule),
            LIFETIME_LABEL: label_value(companion.lifetime),
        }
        manifest["metadata"] = metadata
        return manifest

    def _create(self, companion: Companion, manifest: Manifest) -> Made:
        deadline = time.monotonic() + DELETION_WAIT
        while True:
            result = self._kubectl.create(manifest)
            if result.ok:
                break
            if "(AlreadyExists)" not in result.stderr:
                if result.timed_out:
                    # It may have been created all the same.
                    self._delete_if_ours(manifest)
                raise self._failure(companion, manifest, f"could not be created: {result.error}")
            live = self._existing(companion, manifest)
            if live is not None and not _mapping(live.get("metadata")).get("deletionTimestamp"):
                return self._reuse(companion, live)
            if time.monotonic() >= deadline:
                raise self._failure(companion, manifest, "exists already, and its deletion takes too long")
            time.sleep(DELETION_POLL)
        live = self._printed(result) or manifest
        if not _mapping(live.get("metadata")).get("namespace"):
            self._delete(live)
            raise self._failure(companion, manifest, "stands outside namespaces, which a companion may not")
        return Made(companion, live, reused=False)

    def _existing(self, companion: Companion, manifest: Manifest) -> Manifest | None:
        """What is there already, if it was made for this task. None if it has just gone."""
        result = self._kubectl.get(reference(manifest))
        if "(NotFound)" in result.stderr:
            return None
        live = self._printed(result) if result.ok else None
        if live is None:
            raise self._failure(companion, manifest, f"exists already, but could not be read: {result.error}")
        if not self._is_ours(live):
            raise self._failure(companion, manifest, "exists already, and wasn't made for this task")
        return live

    def _reuse(self, companion: Companion, live: Manifest) -> Made:
        """Takes what was made for an earlier launch of this task, and takes it off that launch's Pod, so
        that it isn't deleted with it."""
        others = self._other_owners(live)
        if others != _owners(live):
            result = self._kubectl.patch(reference(live), {"metadata": {"ownerReferences": others}})
            if not result.ok:
                raise self._failure(companion, live, f"could not be taken over: {result.error}")
        return Made(companion, live, reused=True)

    def _is_ours(self, live: Manifest) -> bool:
        labels = _mapping(_mapping(live.get("metadata")).get("labels"))
        return bool(self._task_label) and labels.get(TASK_LABEL) == self._task_label

    def _delete_if_ours(self, manifest: Manifest) -> None:
        result = self._kubectl.get(reference(manifest))
        live = self._printed(result) if result.ok else None
        if live is not None and self._is_ours(live):
            self._delete(live)

    def _delete(self, manifest: Manifest) -> None:
        result = self._kubectl.delete(reference(manifest))
        if not result.ok:
            self._warn(f"{told(manifest)} could not be deleted again: {one_line(result.error)}")

    @staticmethod
    def _printed(result: Result) -> Manifest | None:
        """The object that kubectl printed, if it is one."""
        try:
            return result.object()
        except ValueError:
            return None

    @staticmethod
    def _failure(companion: Companion, manifest: Manifest, what: str) -> TaskFailure:
        text = f"rule `{companion.rule}`: its companion {told(manifest)} {what}"
        return TaskFailure(one_line(text), text)


def told(manifest: Manifest) -> str:
    """An object's kind and name, for people."""
    name = _mapping(manifest.get("metadata")).get("name") or "without a name"
    return f"{manifest.get('kind') or 'object'} {name!r}"

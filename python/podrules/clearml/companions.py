"""Companions: objects that a rule declares beside the Pod, such as PersistentVolumeClaims or Secrets.

They are created before the Pod, one after another. If one can't be created, or the Pod can't be applied,
those created before are deleted again. Later it depends on their lifetime:

- `pod`: the Pod (or the Job) becomes their owner, so Kubernetes deletes them with it.
- `task`, `keep`: they stay. Each has labels with the task's id, the rule's name and its lifetime. Nothing
  here deletes them when the task ends; an administrator's clean-up can find them by these labels.
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

# How long the deletion of an object from an earlier launch may take, and how often it is checked, in seconds.
DELETION_WAIT = 30.0
DELETION_POLL = 2.0

# Cluster-scoped kinds of Kubernetes. Cluster-scoped custom resources are recognised once they were created.
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
    """A companion as rules return it, see `podrules.Companion`."""

    @property
    def lifetime(self) -> str: ...
    @property
    def manifest(self) -> dict[str, Any]: ...
    @property
    def rule(self) -> str: ...


@dataclass(frozen=True)
class Created:
    """A companion that exists. `live` is the object in the cluster; `reused` says that an earlier launch
    created it."""

    companion: Companion
    live: Manifest
    reused: bool


def _owners(live: Manifest) -> list[Manifest]:
    return list(_mapping(live.get("metadata")).get("ownerReferences") or [])


def _mapping(value: object) -> dict[str, Any]:
    return cast("Dict[str, Any]", value) if isinstance(value, dict) else {}


class Companions:
    """The companions of one task. `owner` is the manifest of its Pod or Job."""

    def __init__(self, kubectl: Kubectl, task_id: str, owner: Manifest, warn: Callable[[str], None]) -> None:
        self._kubectl = kubectl
        self._owner = reference(owner)
        self._task_label = label_value(task_id)
        self._warn = warn
        self._created: list[Created] = []

    def create(self, companions: list[Companion]) -> None:
        """Creates all companions. If one fails, deletes those created before and raises TaskFailure."""
        prepared = [(companion, self._prepared(companion)) for companion in companions]
        try:
            for companion, manifest in prepared:
                self._created.append(self._create(companion, manifest))
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Deletes what was created here, the last first. What existed before stays."""
        while self._created:
            created = self._created.pop()
            if not created.reused:
                self._delete(created.live)

    def own(self) -> None:
        """Makes the Pod the owner of companions with the lifetime `pod`. As the Pod already exists, a failure
        is only a warning."""
        owned = [created for created in self._created if created.companion.lifetime == "pod"]
        if not owned:
            return
        found = self._kubectl.get(self._owner)
        try:
            if not found.ok:
                raise ValueError(found.error)
            live = found.object()
            owner = {
                "apiVersion": live["apiVersion"],
                "kind": live["kind"],
                "name": live["metadata"]["name"],
                "uid": live["metadata"]["uid"],
            }
        except (ValueError, KeyError, TypeError) as error:
            self._warn(
                f"the companions have no owner and stay when the Pod is deleted: {one_line(str(error))}"
            )
            return
        for created in owned:
            owners = [*self._other_owners(created.live), owner]
            result = self._kubectl.patch(reference(created.live), {"metadata": {"ownerReferences": owners}})
            if not result.ok:
                name = display_name(created.live)
                self._warn(f"{name} has no owner and stays when the Pod is deleted: {one_line(result.error)}")

    def _other_owners(self, live: Manifest) -> list[Manifest]:
        """The owners of an object except an earlier Pod of the same task."""
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
            raise self._failure(companion, manifest, "is cluster-scoped, which a companion can't be")
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

    def _create(self, companion: Companion, manifest: Manifest) -> Created:
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
                raise self._failure(
                    companion, manifest, "already exists, and its deletion is taking too long"
                )
            time.sleep(DELETION_POLL)
        live = self._printed(result) or manifest
        if not _mapping(live.get("metadata")).get("namespace"):
            self._delete(live)
            raise self._failure(companion, manifest, "is cluster-scoped, which a companion can't be")
        return Created(companion, live, reused=False)

    def _existing(self, companion: Companion, manifest: Manifest) -> Manifest | None:
        """The existing object, if it was created for this task. None if it has just been deleted."""
        result = self._kubectl.get(reference(manifest))
        if "(NotFound)" in result.stderr:
            return None
        live = self._printed(result) if result.ok else None
        if live is None:
            raise self._failure(companion, manifest, f"already exists, but could not be read: {result.error}")
        if not self._is_ours(live):
            raise self._failure(companion, manifest, "already exists and was not created for this task")
        return live

    def _reuse(self, companion: Companion, live: Manifest) -> Created:
        """Reuses an object of an earlier launch of this task. Removes that launch's Pod from its owners, so
        that the object isn't deleted with it."""
        others = self._other_owners(live)
        if others != _owners(live):
            result = self._kubectl.patch(reference(live), {"metadata": {"ownerReferences": others}})
            if not result.ok:
                raise self._failure(companion, live, f"could not be taken over: {result.error}")
        return Created(companion, live, reused=True)

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
            self._warn(f"could not delete {display_name(manifest)} again: {one_line(result.error)}")

    @staticmethod
    def _printed(result: Result) -> Manifest | None:
        """The object that kubectl printed; None if it isn't one."""
        try:
            return result.object()
        except ValueError:
            return None

    @staticmethod
    def _failure(companion: Companion, manifest: Manifest, what: str) -> TaskFailure:
        text = f"rule `{companion.rule}`: its companion {display_name(manifest)} {what}"
        return TaskFailure(one_line(text), text)


def display_name(manifest: Manifest) -> str:
    """An object's kind and name for messages."""
    name = _mapping(manifest.get("metadata")).get("name") or "without a name"
    return f"{manifest.get('kind') or 'object'} {name!r}"

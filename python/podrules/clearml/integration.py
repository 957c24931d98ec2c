"""ClearML's Kubernetes agent as a subclass that runs rules."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import podrules
from podrules.clearml.companions import Companion, Companions
from podrules.clearml.failure import TaskFailure, as_failure, log_lines, one_line
from podrules.clearml.kubectl import Kubectl, Manifest, reference
from podrules.clearml.parent import K8sIntegration, ReenqueueTaskException
from podrules.clearml.settings import kubectl_timeout, load_rules
from podrules.clearml.stage import part, pod_of, put_back, template_for, with_container

FAILURE_REASON = "The task's Pod could not be launched"


@dataclass
class _Run:
    """The state of the launch in progress."""

    queue: str
    task_id: str
    task_session: Any = None
    task_data: dict[str, Any] = field(default_factory=lambda: {})
    queue_name: str | None = None
    companions: list[Companion] = field(default_factory=lambda: [])
    failure: Exception | None = None
    applied: bool = False


class PodrulesK8sIntegration(K8sIntegration):
    """ClearML's Kubernetes agent, which runs rules on each task's Pod.

    It takes the arguments of its parent, and `rules`. By default the rules are read from the files that
    `PODRULES_RULES` and `PODRULES_VALUES` name. Without any rules it does the same as its parent, except for
    how it reports failures.

    - The template is `template_yaml`, or by default the one that the values make for the task's queue.
    - Rules with `stage: template` run on it before ClearML's command, image and name are set. Rules with
      `stage: pod` run on the complete Pod, right before it is applied. In job mode both get the Job's Pod.
    - Companions are created before the Pod; see `podrules.clearml.companions`. Those that live as long as the
      task are labelled and left.
    - A task that can't be launched fails, with the reason in its status and the report in its log. It never
      stays in the queue of pending tasks.
    """

    def __init__(self, *args: Any, rules: podrules.Rules | None = None, **kwargs: Any) -> None:
        # Before the parent, which logs in and starts a thread: mistakes in rules are reported at once.
        self.rules = rules if rules is not None else load_rules()
        self.kubectl_timeout = kubectl_timeout()
        self._run: _Run | None = None
        super().__init__(*args, **kwargs)
        for warning in self.rules.warnings if self.rules is not None else []:
            self.log.warning(f"rules: {warning}")

    # Methods that the parent calls, in their order.

    def run_one_task(
        self, queue: str, task_id: str, worker_args: Any = None, task_session: Any = None, **kwargs: Any
    ) -> None:
        """Launches a task. Any error fails the task, and nothing else."""
        run = self._run = _Run(queue, task_id, task_session)
        try:
            super().run_one_task(queue, task_id, worker_args, task_session, **kwargs)
        except ReenqueueTaskException:
            raise
        except Exception as error:
            run.failure = error
        finally:
            self._run = None
        if run.failure is None:
            return
        if run.applied:
            # The Pod exists and may already run. Failing the task would delete it.
            self.log.error(f"after the Pod of task {task_id} was applied: {as_failure(run.failure).report}")
        else:
            self._fail(task_session or self._session, task_id, as_failure(run.failure))

    def _get_pod_labels(self, queue: str, queue_name: object, task_data: Any) -> list[str]:
        """The parent's labels. The parent has looked up the queue's name just before, so it is kept here."""
        # A refused lookup doesn't raise, but returns something other than a string.
        if not isinstance(queue_name, str) or not queue_name:
            raise TaskFailure(f"the name of the queue {queue} could not be looked up")
        if self._run is not None:
            self._run.queue_name = queue_name
        return super()._get_pod_labels(queue, queue_name, task_data)

    def _resolve_template(
        self, task_session: Any, task_data: Any, queue: str, task_id: str
    ) -> Manifest | None:
        """The template for the task, after the rules with `stage: template`. The parent drops a task without
        a template and only prints an exception, so an error is kept for `run_one_task`."""
        run = self._run or _Run(queue, task_id, task_session)
        try:
            run.task_data = dict(task_data or {})
            template: Manifest | None = super()._resolve_template(task_session, task_data, queue, task_id)
            if not template and self.rules is not None and self.rules.has_values:
                template = template_for(self.rules.template(self._queue_name(run)), job=self.using_jobs)
            if not template:
                raise TaskFailure("the agent has no Pod template: pass --template-yaml or --values")
            if self.rules is None:
                return template
            namespace = part(template, "metadata").get("namespace") or self.namespace
            template = with_container(template, job=self.using_jobs)
            return self._edited(run, template, "template", self.pod_name_prefix + task_id, str(namespace))
        except Exception as error:
            run.failure = error
            raise

    def _kubectl_apply(self, *args: Any, **kwargs: Any) -> tuple[str | None, str | None, str | None]:
        """Lets the parent complete the template into the Pod's manifest, runs the rules with `stage: pod` on
        it, and applies it together with the companions."""
        parent = super()._kubectl_apply
        call = inspect.signature(parent).bind(*args, **kwargs)
        command = self.KUBECTL_APPLY_CMD
        # The parent completes the template in place, then runs this command. The real one runs below.
        self.KUBECTL_APPLY_CMD = "true"  # pyright: ignore[reportConstantRedefinition] # it is read from `self`
        try:
            _, error, pod_name = parent(*call.args, **call.kwargs)
        finally:
            self.KUBECTL_APPLY_CMD = command  # pyright: ignore[reportConstantRedefinition] # as above
        if error or not pod_name:
            raise TaskFailure(f"the Pod's manifest could not be completed: {one_line(error or '')}")

        known: dict[str, Any] = call.arguments
        manifest: Manifest = known["template"]
        namespace, task_id, queue = str(known["namespace"]), str(known["task_id"]), str(known["queue"])
        run = self._run or _Run(queue, task_id, task_data=dict(known.get("task_data") or {}))
        if self.rules is not None:
            manifest = self._edited(run, manifest, "pod", pod_name, namespace)
            self._same_pod(known["template"], manifest, pod_name)
        self._check(run, pod_of(manifest, pod_name, namespace, job=self.using_jobs))
        fields = {
            "task_id": task_id,
            "docker_image": known["docker_image"],
            "queue_id": queue,
            "namespace": namespace,
        }
        # Split before the values are filled in, so that each value stays one argument.
        return self._apply(run, [part.format(**fields) for part in command.split()], manifest, namespace)

    def _set_task_failed_while_applying(self, session: Any, task_id: str, error: str) -> None:
        """Fails the task like the parent, but with the reason."""
        self._fail(session, task_id, TaskFailure(one_line(error), error))

    # Methods that the parent doesn't have.

    def _edited(self, run: _Run, manifest: Manifest, stage: str, pod_name: str, namespace: str) -> Manifest:
        """The manifest after the rules of a stage."""
        assert self.rules is not None
        session = run.task_session or self._session
        edited = self.rules.edit(
            pod_of(manifest, pod_name, namespace, job=self.using_jobs),
            stage=stage,
            task=run.task_data,
            queue=run.queue,
            queue_name=self._queue_name(run),
            providers_info=self._providers_info(run),
            task_config=session.config,
            worker=self,
            namespace=namespace,
        )
        run.companions.extend(edited.companions)
        if edited.applied:
            self.log.info(f"task {run.task_id}: rules applied (stage: {stage}): {', '.join(edited.applied)}")
        for warning in edited.warnings:
            self.log.warning(f"task {run.task_id}: {warning}")
        for rule, line in edited.log:
            self.log.info(f"task {run.task_id}: [{rule}] {line}")
        lines = [f"Warning: {warning}" for warning in edited.warnings]
        lines += [f"[{rule}] {line}" for rule, line in edited.log]
        self._log_to_task(run, lines)
        return put_back(manifest, edited.pod, namespace, job=self.using_jobs)

    def _apply(
        self, run: _Run, command: list[str], manifest: Manifest, namespace: str
    ) -> tuple[str | None, str | None, str | None]:
        """Creates the companions and applies the manifest. Returns what the parent's method does."""
        kubectl = Kubectl(namespace, self.kubectl_timeout)
        companions = Companions(kubectl, run.task_id, manifest, lambda text: self._warn(run, text))
        companions.create(run.companions)
        try:
            result = kubectl.apply(command, manifest)
            if result.timed_out:
                # The Pod may have been created, but a failed task must have none.
                kubectl.delete(reference(manifest))
                raise TaskFailure(one_line(result.error))
            ignored = not result.ok and self._is_ignored(result.error)
            if not result.ok and not ignored:
                companions.remove()
                return result.stdout, result.error, None
        except BaseException:
            companions.remove()
            raise
        run.applied = True
        if result.ok and result.stderr.strip():
            self.log.warning(f"task {run.task_id}: kubectl: {result.stderr.strip()}")
        companions.own()
        return result.stdout, result.error if ignored else "", manifest["metadata"]["name"]

    def _is_ignored(self, error: str) -> bool:
        """Whether `K8S_GLUE_IGNORE_KUBECTL_ERROR` matches the error."""
        pattern = self.ignore_kubectl_errors_re
        return bool(pattern and pattern.match(error))

    def _same_pod(self, before: Manifest, after: Manifest, pod_name: str) -> None:
        """Checks that no rule changed the Pod's name or agent label, by which the agent finds its Pods."""
        label, _, value = self._get_agent_label().partition("=")
        if after["metadata"].get("name") != pod_name:
            raise TaskFailure(f"a rule changed the Pod's name, by which the agent finds it: {pod_name}")
        had, has = (part(part(manifest, "metadata"), "labels").get(label) for manifest in (before, after))
        if had != has:
            raise TaskFailure(f"a rule changed the label by which the agent finds its Pods: {label}={value}")

    def _check(self, run: _Run, pod: Manifest) -> None:
        """Logs what the API server would probably refuse. The API server decides, so this doesn't fail the
        task."""
        found = podrules.check(pod)
        for line in found:
            self.log.warning(f"task {run.task_id}: the cluster may refuse the Pod: {line}")
        if self.rules is not None:
            self._log_to_task(run, [f"Warning: the cluster may refuse the Pod: {line}" for line in found])

    def _queue_name(self, run: _Run) -> str:
        """The name of the task's queue."""
        if not run.queue_name:
            queues: Any = self._session.api_client.queues
            run.queue_name = queues.get_by_id(queue=run.queue).name
        if not isinstance(run.queue_name, str) or not run.queue_name:
            raise TaskFailure(f"the name of the queue {run.queue} could not be looked up")
        return run.queue_name

    def _providers_info(self, run: _Run) -> dict[str, Any]:
        """What ClearML knows from the owner's identity provider, if tasks run as their owners."""
        session = run.task_session
        if not session or session is self._session:
            return {}
        try:
            return dict(session.get_decoded_token(session.token, verify=False).get("providers_info") or {})
        except Exception as error:
            self.log.warning(f"the owner's token could not be read: {one_line(str(error))}")
            return {}

    def _warn(self, run: _Run, text: str) -> None:
        self.log.warning(f"task {run.task_id}: {text}")
        self._log_to_task(run, [f"Warning: {text}"])

    def _log_to_task(self, run: _Run, lines: list[str], level: str = "INFO") -> None:
        """Writes to the task's log. If that fails, it is only logged."""
        self._send(run.task_session or self._session, run.task_id, lines, level)

    def _send(self, session: Any, task_id: str, lines: list[str], level: str) -> None:
        try:
            if lines:
                self.send_logs(task_id, log_lines("\n".join(lines)), level=level, session=session)
        except Exception as error:
            self.log.warning(f"the log of task {task_id} could not be written: {one_line(str(error))}")

    def _fail(self, session: Any, task_id: str, failure: TaskFailure) -> None:
        """Fails the task, removes it from the queue of pending tasks, and writes the report to its log."""
        self.log.error(f"task {task_id} could not be launched: {failure.report}")
        self._send(session, task_id, [f"{FAILURE_REASON}: {failure.report}"], "ERROR")
        try:
            self._session.api_client.queues.remove_task(task=task_id, queue=self.k8s_pending_queue_id)
        except Exception as error:
            self.log.error(f"task {task_id} is still in the pending queue: {one_line(str(error))}")
        try:
            result = session.api_client.tasks.failed(task_id, force=True, **_status(failure))
            # A refused call doesn't raise.
            if result.meta.result_code != 200:
                raise TaskFailure(result.meta.result_msg)
        except Exception as error:
            self.log.error(f"task {task_id} could not be set to failed: {one_line(str(error))}")


def _status(failure: TaskFailure) -> dict[str, str]:
    return {"status_reason": FAILURE_REASON, "status_message": one_line(failure.summary)}

"""ClearML's class, which has no type annotations, with the types of the parts that are used here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from podrules.clearml.kubectl import Manifest

    class ReenqueueTaskException(Exception):
        """The task goes back to its queue."""

    class K8sIntegration:
        """As in clearml-agent 3.0.3."""

        KUBECTL_APPLY_CMD: str
        log: logging.Logger
        namespace: str
        pod_name_prefix: str
        using_jobs: bool
        k8s_pending_queue_id: str | None
        ignore_kubectl_errors_re: re.Pattern[str] | None
        _session: Any

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        @classmethod
        def get_ssh_server_bash(cls, ssh_port_number: int) -> str: ...
        def k8s_daemon(self, queue: Sequence[str] | None, **kwargs: Any) -> None: ...
        def run_one_task(
            self, queue: str, task_id: str, worker_args: Any = None, task_session: Any = None, **_: Any
        ) -> None: ...
        def send_logs(
            self, task_id: str, lines: list[str], level: str = "DEBUG", session: Any = None
        ) -> int: ...
        def _get_agent_label(self) -> str: ...
        def _get_pod_labels(self, queue: str, queue_name: object, task_data: Any) -> list[str]: ...
        def _resolve_template(
            self, task_session: Any, task_data: Any, queue: str, task_id: str
        ) -> Manifest | None: ...
        def _kubectl_apply(self, *args: Any, **kwargs: Any) -> tuple[str | None, str | None, str | None]: ...
        def _set_task_failed_while_applying(self, session: Any, task_id: str, error: str) -> None: ...

else:
    from clearml_agent.glue.errors import ReenqueueTaskException
    from clearml_agent.glue.k8s import K8sIntegration

__all__ = ["K8sIntegration", "ReenqueueTaskException"]

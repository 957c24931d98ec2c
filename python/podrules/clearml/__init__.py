"""ClearML's Kubernetes agent with podrules: the same loop, with rules run on every Pod before it is applied.

`PodrulesK8sIntegration` replaces `clearml_agent.glue.k8s.K8sIntegration`. It needs the package clearml-agent,
which is imported when the class is first used, so that `import podrules.clearml` alone is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podrules.clearml.integration import PodrulesK8sIntegration

__all__ = ["PodrulesK8sIntegration"]


def __getattr__(name: str) -> object:
    if name == "PodrulesK8sIntegration":
        from podrules.clearml.integration import PodrulesK8sIntegration

        return PodrulesK8sIntegration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

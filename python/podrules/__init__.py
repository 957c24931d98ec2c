"""Rules that edit the Kubernetes Pod of a ClearML task before it is applied.

    rules = podrules.load("rules.yaml", values=["values.yaml"])
    rendered = rules.render(task, queue_name="train")
    print(rendered.yaml())

For ClearML Enterprise, set CLEARML_K8S_GLUE_TEMPLATE_MODULE=podrules:update_template; see `update_template`.
"""

from podrules._errors import RulesError
from podrules._load import load
from podrules._native import Companion, Edited, Rendered, Rules, __version__, check
from podrules._update import update_template

__all__ = [
    "Companion",
    "Edited",
    "Rendered",
    "Rules",
    "RulesError",
    "__version__",
    "check",
    "load",
    "update_template",
]

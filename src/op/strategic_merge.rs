//! `strategicMerge`: a Kubernetes strategic merge patch.

use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::pod::strategic::strategic_merge;
use crate::record;
use crate::source::Node;
use serde_json::Value;

record! {
    /// Merges `value` into the Pod as `kubectl patch --type=strategic` does: lists by their merge key, `$patch` directives.
    /// See [the docs of Kubernetes](https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/).
    /// New elements come first in their list, except for containers: `containers[0]` stays the task's.
    ///
    /// ```yaml
    /// - strategicMerge:
    ///     value: {spec: {volumes: [{name: cache, emptyDir: {}}], nodeSelector: {zone: a}}}
    /// ```
    pub struct StrategicMerge as "strategicMerge" {
        /// The patch of the whole Pod.
        required value: Node = "value",
    }
}

impl Parameters for StrategicMerge {
    const NAME: &'static str = "strategicMerge";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("strategic_merge", &["value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let value = compiler.value(&self.value)?;
        Some(Box::new(Compiled { value, span: self.value.span }))
    }
}

#[derive(Debug)]
struct Compiled {
    value: ValueExpr,
    span: Span,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let patch = cx.value(&self.value)?;
        let containers = Pointer::from_iter(["spec".into(), "containers".into()]);
        let first = |cx: &OpContext<'_>| cx.pod.get(&containers.child(0)).and_then(|c| c.get("name")).cloned();
        let task = first(cx);
        strategic_merge(cx.pod, &Pointer::root(), &patch).map_err(|refused| {
            let (at, why) = *refused;
            fault(Code::OperationFailed, format!("{at}: {why}"), self.span)
        })?;
        // kubectl puts new containers first; the task's must stay the first of them.
        if task.is_some() && first(cx) != task {
            let list = cx.pod.get(&containers).and_then(Value::as_array);
            let moved = list.and_then(|list| list.iter().position(|c| c.get("name") == task.as_ref()));
            if let Some((place, value)) =
                moved.and_then(|place| Some((place, cx.pod.get(&containers.child(place))?.clone())))
            {
                let edit = |e| super::host::edit_fault(&e, self.span);
                cx.pod.remove(&containers.child(place)).map_err(edit)?;
                cx.pod.insert(&containers, 0, value).map_err(edit)?;
            }
        }
        Ok(())
    }
}

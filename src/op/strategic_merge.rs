//! `strategicMerge`: a Kubernetes strategic merge patch.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::pod::strategic::strategic_merge;
use crate::record;
use crate::source::Node;
use serde_json::Value;

record! {
    /// Merges `value` into the Pod as `kubectl patch --type=strategic` does: lists are merged by their merge key, and
    /// `$patch` directives apply. See the
    /// [Kubernetes documentation](https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/).
    /// New elements are added at the start of their list, but the task's container stays `containers[0]`.
    ///
    /// ```yaml
    /// - strategicMerge:
    ///     value: {spec: {volumes: [{name: cache, emptyDir: {}}], nodeSelector: {zone: a}}}
    /// ```
    pub struct StrategicMerge as "strategicMerge" {
        /// The patch, which applies to the entire Pod.
        required value: Node = "value",
    }
}

impl Parameters for StrategicMerge {
    const FUNCTION: Option<Function> = Some(("strategic_merge", &["value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let value = compiler.value(&self.value)?;
        Some(Box::new(StrategicMergeOp { value, span: self.value.span }))
    }
}

#[derive(Debug)]
struct StrategicMergeOp {
    value: ValueExpr,
    span: Span,
}

impl Operation for StrategicMergeOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let patch = cx.value(&self.value)?;
        let containers = Pointer::of(["spec", "containers"]);
        let first = |cx: &OpContext<'_>| cx.pod.get(&containers.child(0)).and_then(|c| c.get("name")).cloned();
        let task = first(cx);
        strategic_merge(cx.pod, &Pointer::root(), &patch).map_err(|refused| {
            let (at, why) = *refused;
            fault(Code::OperationFailed, format!("{at}: {why}"), self.span)
        })?;
        // kubectl adds new containers at the start, but the task's must stay the first.
        if task.is_some() && first(cx) != task {
            let list = cx.pod.get(&containers).and_then(Value::as_array);
            let moved = list.and_then(|list| list.iter().position(|c| c.get("name") == task.as_ref()));
            if let Some((place, value)) =
                moved.and_then(|place| Some((place, cx.pod.get(&containers.child(place))?.clone())))
            {
                cx.remove(&containers.child(place), self.span)?;
                cx.insert(&containers, 0, value, self.span)?;
            }
        }
        Ok(())
    }
}

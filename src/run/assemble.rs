//! The assembly between the two stages, which makes a template the Pod of a task. The agent adds the command.
//!
//! It writes what ClearML's agent writes, at the same places, with label values that Kubernetes accepts.

use crate::context::Context;
use crate::diagnostic::{Code, Diagnostic, Fault};
use crate::edit::{Editor, Pointer};
use crate::pod::names;
use md5::{Digest, Md5};
use serde_json::{Value, json};

/// Writes the Pod's kind, name, namespace, labels, restart policy and image.
pub(super) fn assemble(pod: &mut Editor, context: &Context) -> Result<(), Fault> {
    let mut write = |at: &Pointer, value: Value| {
        pod.set_creating(at, value).map_err(|error| {
            let message = format!("the Pod can't be assembled: {error}");
            Box::new(Diagnostic::new(Code::OperationFailed, message))
        })
    };
    let metadata = Pointer::of(["metadata"]);
    let spec = Pointer::of(["spec"]);
    write(&metadata.child("name"), context.pod_name().into())?;
    let labels = metadata.child("labels");
    for (name, value) in own_labels(context) {
        write(&labels.child(name), value.into())?;
    }
    if let Some(image) = image(context) {
        write(&spec.child("containers").child(0).child("image"), image.into())?;
    }
    fill(pod, &Pointer::of(["apiVersion"]), json!("v1"))?;
    fill(pod, &Pointer::of(["kind"]), json!("Pod"))?;
    fill(pod, &metadata.child("namespace"), context.namespace.clone().into())?;
    fill(pod, &spec.child("restartPolicy"), json!("Never"))?;
    fill(pod, &spec.child("containers").child(0).child("name"), context.pod_name().into())
}

/// Sets what the template leaves open.
fn fill(pod: &mut Editor, at: &Pointer, value: Value) -> Result<(), Fault> {
    match pod.get(at) {
        None | Some(Value::Null) => pod.set_creating(at, value).map_err(|error| {
            Box::new(Diagnostic::new(Code::OperationFailed, format!("the Pod can't be assembled: {error}")))
        }),
        Some(_) => Ok(()),
    }
}

/// The task's own image, or the default one; neither leaves the template's.
fn image(context: &Context) -> Option<String> {
    let own = context.task.get("container").and_then(|c| c.get("image")).and_then(Value::as_str).map(str::trim);
    own.filter(|image| !image.is_empty()).map(str::to_owned).or_else(|| context.default_image.clone())
}

/// The value of the label `CLEARML`, by which an agent finds its Pods: `agent-` and the start of the MD5 of its worker's id.
pub fn agent_label(worker: &str) -> String {
    let digest = Md5::digest(worker.as_bytes());
    let hash: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("agent-{hash}")
}

/// The labels by which ClearML's agent finds its Pods, and podrules' own.
fn own_labels(context: &Context) -> Vec<(&'static str, String)> {
    let worker = context.worker.get("id").and_then(Value::as_str).unwrap_or("");
    let parent = context.task.get("parent").and_then(Value::as_str).unwrap_or("");
    [
        ("CLEARML", agent_label(worker)),
        ("clearml-agent-queue", names::label_value(context.queue_id())),
        ("clearml-agent-queue-name", names::label_value(context.queue_name())),
        ("clearml-parent-task-id", names::label_value(parent)),
        ("podrules.io/task-id", names::label_value(context.task_id())),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

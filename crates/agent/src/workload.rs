//! A Pod or a Job that the agent launched, reduced to what the controller needs, so that ten thousand take little memory.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::DynamicResourceScope;
use podrules::context::POD_PREFIX;
use podrules::pod::names::label_value;
use podrules_cluster::{FINALIZER, PodState, TASK_LABEL, finished_at, pod_state};
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The annotation with the name of the queue, which may not be a valid label value.
pub const QUEUE: &str = "podrules.io/queue";
/// The annotation with the URLs of the collections that hold companions to remove when the task has ended, separated by commas.
pub const COMPANIONS: &str = "podrules.io/companions";

/// What a task is launched as, and what is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pods.
    Pod,
    /// Jobs.
    Job,
}

impl Kind {
    /// The path of the collection of this kind in a namespace.
    pub fn url(self, namespace: &str) -> String {
        match self {
            Kind::Pod => format!("/api/v1/namespaces/{namespace}/pods"),
            Kind::Job => format!("/apis/batch/v1/namespaces/{namespace}/jobs"),
        }
    }

    /// The kind as a metric label value: `pod` or `job`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Pod => "pod",
            Kind::Job => "job",
        }
    }
}

/// The label value of a state in the metric `podrules_pods`.
pub fn state_label(state: &PodState) -> &'static str {
    match state {
        PodState::Starting { .. } | PodState::Unschedulable { .. } | PodState::Stuck { .. } => "pending",
        PodState::Running => "running",
        PodState::Succeeded => "succeeded",
        PodState::Failed { .. } => "failed",
    }
}

/// Why a pending Pod doesn't run: the reason in one word, and the text for people.
pub fn pending(state: &PodState) -> Option<(&str, Cow<'_, str>)> {
    match state {
        PodState::Starting { reason, message } | PodState::Stuck { reason, message } => Some((reason, message.into())),
        PodState::Unschedulable { message } => Some(("Unschedulable", format!("Unschedulable: {message}").into())),
        PodState::Running | PodState::Succeeded | PodState::Failed { .. } => None,
    }
}

/// What a Job's status says, in the terms of its Pod, and when the Job finished.
fn job_state(status: &Value) -> (PodState, Option<Timestamp>) {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    for condition in conditions.filter(|c| c["status"] == "True") {
        let text = |key: &str| condition[key].as_str().unwrap_or("");
        let state = match text("type") {
            "Complete" => PodState::Succeeded,
            "Failed" => PodState::Failed { reason: text("reason").into(), message: text("message").to_owned() },
            _ => continue,
        };
        return (state, text("lastTransitionTime").parse().ok());
    }
    if status["ready"].as_i64().is_some_and(|ready| ready > 0) {
        return (PodState::Running, None);
    }
    let message = "its Job has no running Pod yet".to_owned();
    (PodState::Starting { reason: SmolStr::default(), message }, None)
}

/// A Pod or a Job with this agent's labels.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Whether it is a Pod or a Job.
    pub kind: Kind,
    /// `metadata.namespace`.
    pub namespace: SmolStr,
    /// `metadata.name`.
    pub name: SmolStr,
    /// `metadata.uid`.
    pub uid: SmolStr,
    /// The key of the task that it was created for.
    pub key: SmolStr,
    /// The name of the task's queue; empty if the object doesn't say.
    pub queue: SmolStr,
    /// What its status says.
    pub state: PodState,
    /// When it terminated, if it has and that is known.
    pub finished: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: when its grace period ends, if it is being deleted.
    pub deletion: Option<Timestamp>,
    /// Whether none of its processes can run any more.
    pub terminated: bool,
    /// Whether it has our finalizer, which keeps it until the post-delete command has run.
    pub has_finalizer: bool,
    /// The value of the annotation [`COMPANIONS`].
    pub companions: Option<Box<str>>,
    /// Whether it is a Pod that a Job created: it only adds detail to the Job's state.
    pub is_job_pod: bool,
}

impl Workload {
    /// Whether it has the name that its task's Pod has. A copy that somebody made, with all labels, has another name.
    pub fn is_named_for_its_task(&self) -> bool {
        self.name.strip_prefix(POD_PREFIX).is_some_and(|id| label_value(id) == *self.key)
    }

    /// The path of the collection that it is in.
    pub fn url(&self) -> String {
        self.kind.url(&self.namespace)
    }
}

/// A watched object, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Raw")]
pub struct WatchedObject {
    metadata: ObjectMeta,
    node: Option<String>,
    status: Value,
}

/// The object's JSON. `managedFields`, which is larger than all the rest, is skipped.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<String>>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<String>,
}

impl From<Raw> for WatchedObject {
    fn from(raw: Raw) -> Self {
        let Raw { metadata, spec, status } = raw;
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            deletion_timestamp: metadata.deletion_timestamp,
            deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
            ..ObjectMeta::default()
        };
        WatchedObject { metadata, node: spec.node_name, status }
    }
}

impl WatchedObject {
    /// The workload; `None` if it isn't the agent's, or lacks a name, namespace or uid.
    pub fn workload(self, kind: Kind) -> Option<Workload> {
        let labels = self.metadata.labels.unwrap_or_default();
        let annotations = self.metadata.annotations.unwrap_or_default();
        let key = labels.get(TASK_LABEL).filter(|key| !key.is_empty())?;
        let queue = annotations.get(QUEUE).or_else(|| labels.get("clearml-agent-queue-name"));
        let (state, finished) = match kind {
            Kind::Pod => {
                let state = pod_state(&self.status);
                let finished = finished_at(&self.status).filter(|_| state.has_terminated());
                (state, finished.and_then(|text| text.parse().ok()))
            }
            Kind::Job => job_state(&self.status),
        };
        let stopped = self.metadata.deletion_grace_period_seconds == Some(0) || self.node.is_none();
        Some(Workload {
            kind,
            key: key.as_str().into(),
            queue: queue.map(|queue| queue.as_str().into()).unwrap_or_default(),
            terminated: kind == Kind::Job || stopped || state.has_terminated(),
            state,
            finished,
            deletion: self.metadata.deletion_timestamp.map(|time| time.0),
            has_finalizer: self.metadata.finalizers.into_iter().flatten().any(|name| name == FINALIZER),
            companions: annotations.get(COMPANIONS).map(|text| text.as_str().into()),
            is_job_pod: kind == Kind::Pod && labels.contains_key("batch.kubernetes.io/job-name"),
            namespace: self.metadata.namespace?.into(),
            name: self.metadata.name?.into(),
            uid: self.metadata.uid?.into(),
        })
    }
}

impl kube::Resource for WatchedObject {
    type DynamicType = Kind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        match kind {
            Kind::Pod => "Pod".into(),
            Kind::Job => "Job".into(),
        }
    }

    fn group(kind: &Kind) -> Cow<'_, str> {
        match kind {
            Kind::Pod => "".into(),
            Kind::Job => "batch".into(),
        }
    }

    fn version(_: &Kind) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural(kind: &Kind) -> Cow<'_, str> {
        match kind {
            Kind::Pod => "pods".into(),
            Kind::Job => "jobs".into(),
        }
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(object: Value, kind: Kind) -> Option<Workload> {
        serde_json::from_value::<WatchedObject>(object).expect("an object").workload(kind)
    }

    fn metadata(more: Value) -> Value {
        let mut metadata = json!({
            "name": "p", "namespace": "n", "uid": "u",
            "labels": {"podrules.io/task-id": "t", "clearml-agent-queue-name": "q-1"},
        });
        for (key, value) in more.as_object().expect("an object") {
            metadata[key] = value.clone();
        }
        metadata
    }

    #[test]
    fn a_workload_has_the_fields_that_the_controller_needs() {
        let more = json!({
            "annotations": {QUEUE: "my queue", COMPANIONS: "n/v1/secrets", "other": "x"},
            "finalizers": ["other", FINALIZER], "deletionTimestamp": "2026-01-02T03:04:05Z",
        });
        let pod =
            workload(json!({"metadata": metadata(more), "spec": {"nodeName": "a"}}), Kind::Pod).expect("a workload");
        assert_eq!((&*pod.key, &*pod.queue, pod.has_finalizer, pod.terminated), ("t", "my queue", true, false));
        assert_eq!(pod.companions.as_deref(), Some("n/v1/secrets"));
        assert_eq!(pod.deletion, "2026-01-02T03:04:05Z".parse().ok());
    }

    #[test]
    fn an_object_of_another_owner_is_not_a_workload() {
        assert!(workload(json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}}), Kind::Pod).is_none());
        assert!(workload(json!({"metadata": {"labels": {"podrules.io/task-id": "t"}}}), Kind::Pod).is_none());
        assert!(workload(json!({}), Kind::Pod).is_none());
    }

    #[test]
    fn a_pod_without_a_node_or_that_finished_has_terminated() {
        let terminated = |more: Value, spec: Value, status: Value| {
            workload(json!({"metadata": metadata(more), "spec": spec, "status": status}), Kind::Pod)
                .expect("a workload")
                .terminated
        };
        assert!(terminated(json!({}), json!({}), json!({})));
        assert!(!terminated(json!({}), json!({"nodeName": "a"}), json!({"phase": "Running"})));
        assert!(terminated(json!({}), json!({"nodeName": "a"}), json!({"phase": "Succeeded"})));
        assert!(terminated(
            json!({"deletionGracePeriodSeconds": 0}),
            json!({"nodeName": "a"}),
            json!({"phase": "Running"})
        ));
        assert!(!terminated(json!({"deletionGracePeriodSeconds": 30}), json!({"nodeName": "a"}), json!({})));
    }

    #[test]
    fn jobs_finish_by_their_conditions() {
        let job = |status: Value| workload(json!({"metadata": metadata(json!({})), "status": status}), Kind::Job);
        let failed = json!({"conditions": [
            {"type": "FailureTarget", "status": "True", "reason": "x"},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"},
        ]});
        let failed = job(failed).expect("a workload").state;
        assert_eq!(failed, PodState::Failed { reason: "BackoffLimitExceeded".into(), message: "m".into() });
        assert_eq!(job(json!({"active": 1})).map(|job| state_label(&job.state)).unwrap_or_default(), "pending");
        assert_eq!(job(json!({"ready": 1})).expect("a workload").state, PodState::Running);
    }
}

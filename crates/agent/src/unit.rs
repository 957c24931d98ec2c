//! A Pod, or a Job, of ours as a watch tells of it: only what is needed to follow it, so that ten thousand cost little.

use super::source::End;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::DynamicResourceScope;
use podrules::context::POD_PREFIX;
use podrules::pod::names::label_value;
use podrules_cluster::{FINALIZER, State, TASK_LABEL, ended_at, state};
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The annotation with the name of the queue, which a label may not be able to hold.
pub const QUEUE: &str = "podrules.io/queue";
/// The annotation that names the kinds of companions to remove when the task has ended.
pub const COMPANIONS: &str = "podrules.io/companions";

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pods.
    Pod,
    /// Jobs.
    Job,
}

impl Kind {
    /// Where objects of the kind are in the API.
    pub fn url(self, namespace: &str) -> String {
        match self {
            Kind::Pod => format!("/api/v1/namespaces/{namespace}/pods"),
            Kind::Job => format!("/apis/batch/v1/namespaces/{namespace}/jobs"),
        }
    }

    /// `pod` or `job`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Pod => "pod",
            Kind::Job => "job",
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is on its way; the reason is a word where there is one.
    Waiting { reason: SmolStr, message: Box<str> },
    /// It runs.
    Running,
    /// It has ended, at a time if that is known.
    Ended { end: End, reason: SmolStr, message: Box<str>, at: Option<Timestamp> },
}

impl Condition {
    /// The word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Condition::Waiting { .. } => "pending",
            Condition::Running => "running",
            Condition::Ended { end: End::Completed, .. } => "succeeded",
            Condition::Ended { .. } => "failed",
        }
    }

    fn of_pod(status: &Value) -> Self {
        let at = || ended_at(status).and_then(|text| text.parse().ok());
        let ended = |end, reason, message: String| Condition::Ended { end, reason, message: message.into(), at: at() };
        match state(status) {
            State::Running => Condition::Running,
            State::Succeeded => ended(End::Completed, SmolStr::default(), String::new()),
            State::Failed { reason, message } => ended(End::Failed, reason, message),
            State::Stuck { reason, message } | State::Coming { reason, message } => {
                Condition::Waiting { reason, message: message.into() }
            }
            State::Unschedulable(why) => Condition::Waiting {
                reason: "Unschedulable".into(),
                message: format!("Unschedulable: no node can take it: {why}").into(),
            },
        }
    }

    fn of_job(status: &Value) -> Self {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        for condition in conditions.filter(|c| c["status"] == "True") {
            let text = |key: &str| condition[key].as_str().unwrap_or("");
            let at = text("lastTransitionTime").parse().ok();
            let (end, reason) = match text("type") {
                "Complete" => (End::Completed, SmolStr::default()),
                "Failed" => (End::Failed, text("reason").into()),
                _ => continue,
            };
            let message = if end == End::Completed { String::new() } else { text("message").to_owned() };
            return Condition::Ended { end, reason, message: message.into(), at };
        }
        if status["ready"].as_i64().is_some_and(|ready| ready > 0) {
            return Condition::Running;
        }
        Condition::Waiting { reason: SmolStr::default(), message: "its Job has made no Pod that runs yet".into() }
    }
}

/// A Pod or a Job of ours.
#[derive(Debug, Clone)]
pub struct Unit {
    /// What it is.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its uid.
    pub uid: SmolStr,
    /// The task that it was made for.
    pub key: SmolStr,
    /// The name of the task's queue.
    pub queue: SmolStr,
    /// How it stands.
    pub condition: Condition,
    /// When it is to be gone, if it is being deleted.
    pub deleting: Option<Timestamp>,
    /// Whether nothing of it can run any more.
    pub still: bool,
    /// Whether it stays until our command has run.
    pub held: bool,
    /// Kinds of companions to remove when the task has ended.
    pub companions: Option<Box<str>>,
    /// Whether a Job made it: such a Pod only tells of the Job.
    pub of_job: bool,
}

impl Unit {
    /// Whether its name is that of its task's Pod: a copy that somebody made of one, labels and all, has another.
    pub fn is_named_for_its_task(&self) -> bool {
        self.name.strip_prefix(POD_PREFIX).is_some_and(|id| label_value(id) == *self.key)
    }

    /// Where its kind is in the API.
    pub fn url(&self) -> String {
        self.kind.url(&self.namespace)
    }
}

/// What is read of an object.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Raw")]
pub struct Seen {
    metadata: ObjectMeta,
    node: Option<String>,
    status: Value,
}

/// The same as it is written. The bookkeeping of fields' managers, which is larger than all the rest, is passed over.
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

impl From<Raw> for Seen {
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
        Seen { metadata, node: spec.node_name, status }
    }
}

impl Seen {
    /// What is kept of it; nothing if it isn't ours, or not whole.
    pub fn unit(self, kind: Kind) -> Option<Unit> {
        let labels = self.metadata.labels.unwrap_or_default();
        let annotations = self.metadata.annotations.unwrap_or_default();
        let key = labels.get(TASK_LABEL).filter(|key| !key.is_empty())?;
        let queue = annotations.get(QUEUE).or_else(|| labels.get("clearml-agent-queue-name"));
        let condition = match kind {
            Kind::Pod => Condition::of_pod(&self.status),
            Kind::Job => Condition::of_job(&self.status),
        };
        let stopped = self.metadata.deletion_grace_period_seconds == Some(0) || self.node.is_none();
        Some(Unit {
            kind,
            key: key.as_str().into(),
            queue: queue.map(|queue| queue.as_str().into()).unwrap_or_default(),
            still: kind == Kind::Job || stopped || matches!(condition, Condition::Ended { .. }),
            condition,
            deleting: self.metadata.deletion_timestamp.map(|time| time.0),
            held: self.metadata.finalizers.into_iter().flatten().any(|name| name == FINALIZER),
            companions: annotations.get(COMPANIONS).map(|text| text.as_str().into()),
            of_job: kind == Kind::Pod && labels.contains_key("batch.kubernetes.io/job-name"),
            namespace: self.metadata.namespace?.into(),
            name: self.metadata.name?.into(),
            uid: self.metadata.uid?.into(),
        })
    }
}

impl kube::Resource for Seen {
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

    fn unit(object: Value, kind: Kind) -> Option<Unit> {
        serde_json::from_value::<Seen>(object).expect("an object").unit(kind)
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
    fn what_is_needed_is_kept() {
        let more = json!({
            "annotations": {QUEUE: "my queue", COMPANIONS: "n/v1/secrets", "other": "x"},
            "finalizers": ["other", FINALIZER], "deletionTimestamp": "2026-01-02T03:04:05Z",
        });
        let unit = unit(json!({"metadata": metadata(more), "spec": {"nodeName": "a"}}), Kind::Pod).expect("a unit");
        assert_eq!((&*unit.key, &*unit.queue, unit.held, unit.still), ("t", "my queue", true, false));
        assert_eq!(unit.companions.as_deref(), Some("n/v1/secrets"));
        assert_eq!(unit.deleting, "2026-01-02T03:04:05Z".parse().ok());
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        assert!(unit(json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}}), Kind::Pod).is_none());
        assert!(unit(json!({"metadata": {"labels": {"podrules.io/task-id": "t"}}}), Kind::Pod).is_none());
        assert!(unit(json!({}), Kind::Pod).is_none());
    }

    #[test]
    fn nothing_runs_of_a_pod_that_has_no_node_or_has_ended() {
        let still = |more: Value, spec: Value, status: Value| {
            unit(json!({"metadata": metadata(more), "spec": spec, "status": status}), Kind::Pod).expect("a unit").still
        };
        assert!(still(json!({}), json!({}), json!({})));
        assert!(!still(json!({}), json!({"nodeName": "a"}), json!({"phase": "Running"})));
        assert!(still(json!({}), json!({"nodeName": "a"}), json!({"phase": "Succeeded"})));
        assert!(still(json!({"deletionGracePeriodSeconds": 0}), json!({"nodeName": "a"}), json!({"phase": "Running"})));
        assert!(!still(json!({"deletionGracePeriodSeconds": 30}), json!({"nodeName": "a"}), json!({})));
    }

    #[test]
    fn jobs_end_by_their_conditions() {
        let condition = |status: Value| unit(json!({"metadata": metadata(json!({})), "status": status}), Kind::Job);
        let failed = json!({"conditions": [
            {"type": "FailureTarget", "status": "True", "reason": "x"},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"},
        ]});
        let Some(Unit { condition: Condition::Ended { end, reason, message, .. }, .. }) = condition(failed) else {
            unreachable!("it has ended")
        };
        assert_eq!((end, &*reason, &*message), (End::Failed, "BackoffLimitExceeded", "m"));
        let waits = condition(json!({"active": 1})).expect("a unit");
        assert_eq!(waits.condition.word(), "pending");
        assert_eq!(condition(json!({"ready": 1})).expect("a unit").condition, Condition::Running);
    }
}

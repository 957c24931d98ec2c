//! What a Pod's status says: whether it runs, why it doesn't, and when it terminated
//! ([Pod Lifecycle](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/)).

use serde_json::Value;
use smol_str::SmolStr;

/// Reasons of a waiting container that rarely go away by themselves.
const STUCK: &[&str] = &[
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
];

/// What a Pod's status says. `apply --wait` and the agent both read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// It is pending, and nothing is known to be wrong.
    Starting {
        /// The reason in one word, such as `ContainerCreating`; empty if the status has none.
        reason: SmolStr,
        /// What it waits for.
        message: String,
    },
    /// It is pending, because the scheduler finds no node for it.
    Unschedulable {
        /// The scheduler's message.
        message: String,
    },
    /// It is pending, because a container waits for something that rarely goes away by itself.
    Stuck {
        /// The reason in one word, such as `ImagePullBackOff`.
        reason: SmolStr,
        /// The container, the reason and the kubelet's message.
        message: String,
    },
    /// It runs.
    Running,
    /// It terminated successfully.
    Succeeded,
    /// It failed.
    Failed {
        /// The reason in one word, such as `OOMKilled`, `Evicted` or `Error`.
        reason: SmolStr,
        /// The Pod's own message, or each container that failed with its exit code.
        message: String,
    },
}

impl PodState {
    /// Whether the Pod has terminated.
    pub fn has_terminated(&self) -> bool {
        matches!(self, PodState::Succeeded | PodState::Failed { .. })
    }
}

/// Reads the state out of a Pod's `status`.
pub fn pod_state(status: &Value) -> PodState {
    match status["phase"].as_str().unwrap_or("") {
        "Running" => return PodState::Running,
        "Succeeded" => return PodState::Succeeded,
        "Failed" => return failed(status),
        _ => {}
    }
    if let Some((reason, message)) = containers(status).filter_map(waiting).find(|(r, _)| STUCK.contains(&&**r)) {
        return PodState::Stuck { reason, message };
    }
    let conditions = status["conditions"].as_array();
    let unscheduled = |c: &&Value| c["type"] == "PodScheduled" && c["status"] == "False";
    if let Some(condition) = conditions.into_iter().flatten().find(unscheduled) {
        let text = condition["message"].as_str().unwrap_or("the scheduler gives no reason").to_owned();
        return match condition["reason"].as_str() {
            Some("Unschedulable") => PodState::Unschedulable { message: text },
            other => PodState::Starting {
                reason: other.unwrap_or_default().into(),
                message: format!("{}: {text}", other.unwrap_or("not scheduled")),
            },
        };
    }
    let (reason, message) = containers(status).find_map(waiting).unwrap_or_else(|| ("".into(), "it is pending".into()));
    PodState::Starting { reason, message }
}

/// When the last container terminated (RFC 3339), if any has.
pub fn finished_at(status: &Value) -> Option<&str> {
    // RFC 3339 texts in UTC sort in the order of their times.
    containers(status).filter_map(|container| container["state"]["terminated"]["finishedAt"].as_str()).max()
}

fn containers(status: &Value) -> impl Iterator<Item = &Value> {
    let all = ["initContainerStatuses", "containerStatuses"];
    all.into_iter().flat_map(|key| status[key].as_array().into_iter().flatten())
}

/// Why a container waits: the reason in one word, and the full text.
fn waiting(container: &Value) -> Option<(SmolStr, String)> {
    let waiting = &container["state"]["waiting"];
    let reason = waiting["reason"].as_str()?;
    let text = match waiting["message"].as_str().filter(|text| !text.is_empty()) {
        Some(text) => format!("container {}: {reason}: {text}", name(container)),
        None => format!("container {}: {reason}", name(container)),
    };
    Some((reason.into(), text))
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or("?")
}

/// Why a Pod failed: its own reason (Evicted), or the containers that failed.
fn failed(status: &Value) -> PodState {
    if let Some(reason) = status["reason"].as_str() {
        let message = format!("{reason}: {}", status["message"].as_str().unwrap_or("no message"));
        return PodState::Failed { reason: reason.into(), message };
    }
    let mut first: Option<SmolStr> = None;
    let failed: Vec<String> = containers(status)
        .filter_map(|container| {
            let end = &container["state"]["terminated"];
            let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
            let reason = end["reason"].as_str().unwrap_or("Error");
            first.get_or_insert_with(|| reason.into());
            Some(format!("container {} exited with code {code} ({reason})", name(container)))
        })
        .collect();
    let message = if failed.is_empty() { "no reason given".into() } else { failed.join(", ") };
    PodState::Failed { reason: first.unwrap_or_else(|| "Failed".into()), message }
}

#[cfg(test)]
mod tests {
    use super::{PodState, finished_at, pod_state};
    use serde_json::{Value, json};

    fn text(status: Value) -> String {
        match pod_state(&status) {
            PodState::Running => "running".to_owned(),
            PodState::Succeeded => "succeeded".to_owned(),
            PodState::Failed { reason, message } => format!("failed ({reason}): {message}"),
            PodState::Stuck { reason, message } => format!("stuck ({reason}): {message}"),
            PodState::Unschedulable { message } => format!("unschedulable: {message}"),
            PodState::Starting { message, .. } => format!("starting: {message}"),
        }
    }

    #[test]
    fn states_have_their_reasons() {
        assert_eq!(text(json!({"phase": "Running"})), "running");
        assert_eq!(text(json!({"phase": "Succeeded"})), "succeeded");
        assert_eq!(
            text(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})),
            "failed (Evicted): Evicted: low on memory"
        );
        let killed = json!({"name": "task", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
        let fine = json!({"name": "side", "state": {"terminated": {"exitCode": 0}}});
        assert_eq!(
            text(json!({"phase": "Failed", "containerStatuses": [fine, killed]})),
            "failed (OOMKilled): container task exited with code 137 (OOMKilled)"
        );
        assert_eq!(text(json!({"phase": "Failed"})), "failed (Failed): no reason given");
        let stuck =
            json!({"name": "task", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}});
        assert_eq!(
            text(json!({"phase": "Pending", "containerStatuses": [stuck]})),
            "stuck (ImagePullBackOff): container task: ImagePullBackOff: no such image"
        );
        let starting = json!({"name": "task", "state": {"waiting": {"reason": "ContainerCreating"}}});
        assert_eq!(
            text(json!({"phase": "Pending", "containerStatuses": [starting]})),
            "starting: container task: ContainerCreating"
        );
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
        assert_eq!(text(json!({"phase": "Pending", "conditions": [condition]})), "unschedulable: 0/3 nodes");
        let gated =
            json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "a gate"});
        assert_eq!(text(json!({"phase": "Pending", "conditions": [gated]})), "starting: SchedulingGated: a gate");
        assert_eq!(text(json!({})), "starting: it is pending");
        assert_eq!(text(json!("text")), "starting: it is pending");
    }

    #[test]
    fn a_pod_finishes_with_its_last_container() {
        let ended = |at: &str| json!({"state": {"terminated": {"finishedAt": at}}});
        let containers = json!([ended("2026-01-02T03:04:05Z"), ended("2026-01-02T03:04:06Z"), {}]);
        assert_eq!(finished_at(&json!({"containerStatuses": containers})), Some("2026-01-02T03:04:06Z"));
        assert_eq!(finished_at(&json!({})), None);
    }
}

//! A Pod's status, read: how it stands, why, and since when
//! ([Pod Lifecycle](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/)).

use serde_json::Value;
use smol_str::SmolStr;

/// Reasons of a waiting container that time rarely mends.
const STUCK: &[&str] = &[
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
];

/// How a Pod stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It has ended well.
    Succeeded,
    /// It has ended badly. The reason is a word: `OOMKilled`, `Evicted`, `Error`.
    Failed {
        /// The word.
        reason: SmolStr,
        /// All that is known.
        message: String,
    },
    /// A container waits for something that no time mends.
    Stuck {
        /// The word.
        reason: SmolStr,
        /// All that is known.
        message: String,
    },
    /// The scheduler has no node for it.
    Unschedulable(String),
    /// It is on its way.
    Coming {
        /// What a container waits for, in a word; empty if none says.
        reason: SmolStr,
        /// All that is known.
        message: String,
    },
}

/// Reads the status of a Pod.
pub fn state(status: &Value) -> State {
    match status["phase"].as_str().unwrap_or("") {
        "Running" => return State::Running,
        "Succeeded" => return State::Succeeded,
        "Failed" => return failed(status),
        _ => {}
    }
    if let Some((reason, message)) = containers(status).filter_map(waiting).find(|(r, _)| STUCK.contains(&&**r)) {
        return State::Stuck { reason, message };
    }
    let conditions = status["conditions"].as_array();
    let unscheduled = |c: &&Value| c["type"] == "PodScheduled" && c["status"] == "False";
    if let Some(condition) = conditions.into_iter().flatten().find(unscheduled) {
        let text = condition["message"].as_str().unwrap_or("the scheduler doesn't say why").to_owned();
        return match condition["reason"].as_str() {
            Some("Unschedulable") => State::Unschedulable(text),
            other => State::Coming {
                reason: other.unwrap_or_default().into(),
                message: format!("{}: {text}", other.unwrap_or("not scheduled")),
            },
        };
    }
    let (reason, message) = containers(status).find_map(waiting).unwrap_or_else(|| ("".into(), "it is pending".into()));
    State::Coming { reason, message }
}

/// When the last container ended, as the status says it.
pub fn ended_at(status: &Value) -> Option<&str> {
    // Texts of RFC 3339 in UTC are in the order of their times.
    containers(status).filter_map(|container| container["state"]["terminated"]["finishedAt"].as_str()).max()
}

fn containers(status: &Value) -> impl Iterator<Item = &Value> {
    let all = ["initContainerStatuses", "containerStatuses"];
    all.into_iter().flat_map(|key| status[key].as_array().into_iter().flatten())
}

/// What a container waits for: the word, and all of it.
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

/// Why a Pod failed: its own reason (Evicted), or the containers that ended badly.
fn failed(status: &Value) -> State {
    if let Some(reason) = status["reason"].as_str() {
        let message = format!("{reason}: {}", status["message"].as_str().unwrap_or("no more is told"));
        return State::Failed { reason: reason.into(), message };
    }
    let mut first: Option<SmolStr> = None;
    let ended: Vec<String> = containers(status)
        .filter_map(|container| {
            let end = &container["state"]["terminated"];
            let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
            let reason = end["reason"].as_str().unwrap_or("Error");
            first.get_or_insert_with(|| reason.into());
            Some(format!("container {} ended with exit code {code} ({reason})", name(container)))
        })
        .collect();
    let message = if ended.is_empty() { "it doesn't say why".into() } else { ended.join(", ") };
    State::Failed { reason: first.unwrap_or_else(|| "Failed".into()), message }
}

#[cfg(test)]
mod tests {
    use super::{State, ended_at, state};
    use serde_json::{Value, json};

    fn told(status: Value) -> String {
        match state(&status) {
            State::Running => "running".to_owned(),
            State::Succeeded => "succeeded".to_owned(),
            State::Failed { reason, message } => format!("failed ({reason}): {message}"),
            State::Stuck { reason, message } => format!("stuck ({reason}): {message}"),
            State::Unschedulable(why) => format!("unschedulable: {why}"),
            State::Coming { message, .. } => format!("coming: {message}"),
        }
    }

    #[test]
    fn states_are_told_with_their_reasons() {
        assert_eq!(told(json!({"phase": "Running"})), "running");
        assert_eq!(told(json!({"phase": "Succeeded"})), "succeeded");
        assert_eq!(
            told(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})),
            "failed (Evicted): Evicted: low on memory"
        );
        let killed = json!({"name": "task", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
        let fine = json!({"name": "side", "state": {"terminated": {"exitCode": 0}}});
        assert_eq!(
            told(json!({"phase": "Failed", "containerStatuses": [fine, killed]})),
            "failed (OOMKilled): container task ended with exit code 137 (OOMKilled)"
        );
        assert_eq!(told(json!({"phase": "Failed"})), "failed (Failed): it doesn't say why");
        let stuck =
            json!({"name": "task", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}});
        assert_eq!(
            told(json!({"phase": "Pending", "containerStatuses": [stuck]})),
            "stuck (ImagePullBackOff): container task: ImagePullBackOff: no such image"
        );
        let coming = json!({"name": "task", "state": {"waiting": {"reason": "ContainerCreating"}}});
        assert_eq!(
            told(json!({"phase": "Pending", "containerStatuses": [coming]})),
            "coming: container task: ContainerCreating"
        );
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
        assert_eq!(told(json!({"phase": "Pending", "conditions": [condition]})), "unschedulable: 0/3 nodes");
        let gated =
            json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "a gate"});
        assert_eq!(told(json!({"phase": "Pending", "conditions": [gated]})), "coming: SchedulingGated: a gate");
        assert_eq!(told(json!({})), "coming: it is pending");
        assert_eq!(told(json!("text")), "coming: it is pending");
    }

    #[test]
    fn the_last_container_says_when_it_ended() {
        let ended = |at: &str| json!({"state": {"terminated": {"finishedAt": at}}});
        let containers = json!([ended("2026-01-02T03:04:05Z"), ended("2026-01-02T03:04:06Z"), {}]);
        assert_eq!(ended_at(&json!({"containerStatuses": containers})), Some("2026-01-02T03:04:06Z"));
        assert_eq!(ended_at(&json!({})), None);
    }
}

//! What becomes of a Pod: until it runs or has ended, or is known not to start.

use super::errors::{Fault, Finding, Subject};
use super::objects::Object;
use super::{Cluster, request};
use crate::diagnostic::{Code, Diagnostic};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The first pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the scheduler may find no node: an autoscaler takes its time to bring one, but begins sooner.
const UNSCHEDULABLE: Duration = Duration::from_secs(30);
/// Reasons of a waiting container that no time mends.
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
enum State {
    /// It runs, or has ended well.
    Started(&'static str),
    /// It has failed, or can't start.
    Broken(String),
    /// The scheduler has no node for it.
    Unschedulable(String),
    /// It is on its way.
    Coming(String),
}

/// Waits until the Pod runs or has ended well; gives the word for it.
pub async fn wait(cluster: &Cluster, pod: &Object, most: Duration) -> Result<&'static str, Vec<Finding>> {
    let (started, mut pause) = (Instant::now(), PAUSE);
    let mut unschedulable_since = None;
    let failed = |code, message: String, help: &str| {
        Err(vec![Finding::new(pod.subject, Diagnostic::new(code, format!("{}: {message}", pod.id())).help(help))])
    };
    debug_assert_eq!(pod.subject, Subject::Pod);
    let look = format!("`kubectl describe -n {} {}` tells more", pod.namespace, pod.id());
    loop {
        let object = match look_at(cluster, pod).await {
            Ok(object) => object,
            Err(fault) if fault.not_found() => {
                return failed(
                    Code::PodFailed,
                    "it was deleted before it started".into(),
                    "see who deletes Pods there: the namespace's events tell",
                );
            }
            Err(fault) => return Err(fault.findings(pod, cluster)),
        };
        cluster.fresh_patience();
        let why = match state(&object) {
            State::Started(word) => return Ok(word),
            State::Broken(why) => return failed(Code::PodFailed, why, &look),
            State::Unschedulable(why) => {
                let since = *unschedulable_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= UNSCHEDULABLE {
                    return failed(Code::PodFailed, format!("no node can take it: {why}"), &look);
                }
                format!("no node can take it: {why}")
            }
            State::Coming(why) => {
                unschedulable_since = None;
                why
            }
        };
        let left = most.saturating_sub(started.elapsed());
        if left.is_zero() {
            return failed(Code::WaitTimeout, format!("it has not started in {}: {why}", seconds(most)), &look);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The Pod as it stands; of a Job the newest that it has made, or itself before there is one.
async fn look_at(cluster: &Cluster, pod: &Object) -> Result<Value, Fault> {
    let own = request::get(cluster, format!("{}/{}", pod.url(), pod.name)).await?;
    if own["kind"] != "Job" {
        return Ok(own);
    }
    let pods = format!(
        "/api/v1/namespaces/{}/pods?labelSelector=batch.kubernetes.io%2Fjob-name%3D{}",
        pod.namespace, pod.name
    );
    let list = request::get(cluster, pods).await?;
    let made = list["items"].as_array().into_iter().flatten();
    let newest = made.max_by(|a, b| created(a).cmp(created(b)));
    Ok(newest.cloned().unwrap_or(own))
}

/// When an object was made. Texts of RFC 3339 in UTC are in the order of their times.
fn created(object: &Value) -> &str {
    object["metadata"]["creationTimestamp"].as_str().unwrap_or("")
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// Reads a Pod's status.
fn state(pod: &Value) -> State {
    let status = &pod["status"];
    match status["phase"].as_str().unwrap_or("") {
        "Running" => return State::Started("running"),
        "Succeeded" => return State::Started("succeeded"),
        "Failed" => return State::Broken(format!("it failed: {}", why_failed(status))),
        _ => {}
    }
    if pod["metadata"].get("deletionTimestamp").is_some() {
        return State::Broken("it is being deleted before it started".into());
    }
    if pod["kind"] == "Job" {
        return State::Coming("its Job has made no Pod yet: the Job's events tell why".into());
    }
    let containers = ["initContainerStatuses", "containerStatuses"];
    let statuses = || containers.iter().flat_map(|key| status[*key].as_array().into_iter().flatten());
    let waiting = |container: &Value| {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str()?.to_owned();
        let text = match waiting["message"].as_str().filter(|text| !text.is_empty()) {
            Some(text) => format!("container {}: {reason}: {text}", name(container)),
            None => format!("container {}: {reason}", name(container)),
        };
        Some((reason, text))
    };
    if let Some((_, text)) = statuses().filter_map(waiting).find(|(reason, _)| STUCK.contains(&reason.as_str())) {
        return State::Broken(text);
    }
    let conditions = status["conditions"].as_array();
    let unscheduled = |c: &&Value| c["type"] == "PodScheduled" && c["status"] == "False";
    if let Some(condition) = conditions.into_iter().flatten().find(unscheduled) {
        let text = condition["message"].as_str().unwrap_or("the scheduler doesn't say why").to_owned();
        return match condition["reason"].as_str() {
            Some("Unschedulable") => State::Unschedulable(text),
            other => State::Coming(format!("{}: {text}", other.unwrap_or("not scheduled"))),
        };
    }
    let what = statuses().find_map(waiting).map(|(_, text)| text);
    State::Coming(what.unwrap_or_else(|| "it is pending".into()))
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or("?")
}

/// Why a Pod failed: its own reason (Evicted), or the containers that ended badly.
fn why_failed(status: &Value) -> String {
    if let Some(reason) = status["reason"].as_str() {
        return format!("{reason}: {}", status["message"].as_str().unwrap_or("no more is told"));
    }
    let all = ["initContainerStatuses", "containerStatuses"];
    let ended: Vec<String> = all
        .iter()
        .flat_map(|key| status[*key].as_array().into_iter().flatten())
        .filter_map(|container| {
            let end = &container["state"]["terminated"];
            let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
            let reason = end["reason"].as_str().unwrap_or("Error");
            Some(format!("container {} ended with exit code {code} ({reason})", name(container)))
        })
        .collect();
    if ended.is_empty() { "it doesn't say why".into() } else { ended.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{State, state};
    use serde_json::{Value, json};

    fn told(status: Value) -> String {
        match state(&json!({"metadata": {}, "status": status})) {
            State::Started(word) => word.to_owned(),
            State::Broken(why) => format!("broken: {why}"),
            State::Unschedulable(why) => format!("unschedulable: {why}"),
            State::Coming(why) => format!("coming: {why}"),
        }
    }

    #[test]
    fn states_are_told_with_their_reasons() {
        assert_eq!(told(json!({"phase": "Running"})), "running");
        assert_eq!(told(json!({"phase": "Succeeded"})), "succeeded");
        assert_eq!(
            told(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})),
            "broken: it failed: Evicted: low on memory"
        );
        let killed = json!({"name": "task", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
        let fine = json!({"name": "side", "state": {"terminated": {"exitCode": 0}}});
        assert_eq!(
            told(json!({"phase": "Failed", "containerStatuses": [fine, killed]})),
            "broken: it failed: container task ended with exit code 137 (OOMKilled)"
        );
        let stuck =
            json!({"name": "task", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}});
        assert_eq!(
            told(json!({"phase": "Pending", "containerStatuses": [stuck]})),
            "broken: container task: ImagePullBackOff: no such image"
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
    }
}

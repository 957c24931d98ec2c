//! Polling a Pod until it runs or has finished, or it is certain that it won't start.

use super::errors::RequestError;
use super::failure::findings;
use super::finding::{Finding, Subject};
use super::objects::{Object, is_being_deleted};
use super::request::Cluster;
use super::status::{PodState, pod_state};
use super::verbs::get;
use kube::api::ListParams;
use kube::core::Request;
use podrules::diagnostic::{Code, Diagnostic};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The first pause between two requests.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a Pod may be unschedulable. An autoscaler takes longer to add a node, but starts to do so before.
const UNSCHEDULABLE: Duration = Duration::from_secs(30);

/// Waits until the Pod runs or has succeeded, at most as long as `most`. Returns `running` or `succeeded`.
///
/// # Errors
/// The Pod failed, was deleted, can't be scheduled or hasn't started in time, or a request failed.
pub async fn wait(cluster: &Cluster, pod: &Object, most: Duration) -> Result<&'static str, Vec<Finding>> {
    let (started, mut pause) = (Instant::now(), PAUSE);
    let mut unschedulable_since = None;
    let failed = |code, message: String, help: &str| {
        Err(vec![Finding::new(pod.subject, Diagnostic::new(code, format!("{}: {message}", pod.id())).help(help))])
    };
    debug_assert_eq!(pod.subject, Subject::Pod);
    let describe = format!("`kubectl describe -n {} {}` shows more", pod.namespace, pod.id());
    loop {
        let object = match live_pod(cluster, pod).await {
            Ok(object) => object,
            Err(error) if error.not_found() => {
                return failed(
                    Code::PodFailed,
                    "it was deleted before it started".into(),
                    "check the namespace's events for who deletes Pods",
                );
            }
            Err(error) => return Err(findings(&error, pod, cluster)),
        };
        cluster.reset_retry_budget();
        let why = match state_of(&object) {
            PodState::Running => return Ok("running"),
            PodState::Succeeded => return Ok("succeeded"),
            PodState::Failed { message, .. } => return failed(Code::PodFailed, message, &describe),
            PodState::Stuck { message, .. } => return failed(Code::PodFailed, message, &describe),
            PodState::Unschedulable { message: why } => {
                let since = *unschedulable_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= UNSCHEDULABLE {
                    return failed(Code::PodFailed, format!("can't be scheduled: {why}"), &describe);
                }
                format!("can't be scheduled: {why}")
            }
            PodState::Starting { message: why, .. } => {
                unschedulable_since = None;
                why
            }
        };
        let left = most.saturating_sub(started.elapsed());
        if left.is_zero() {
            return failed(Code::WaitTimeout, format!("it hasn't started within {}: {why}", seconds(most)), &describe);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The Pod in the cluster; of a Job, the newest Pod that it has created, or the Job itself if there is none.
async fn live_pod(cluster: &Cluster, pod: &Object) -> Result<Value, RequestError> {
    let own = get(cluster, &pod.url(), &pod.name).await?;
    if own["kind"] != "Job" {
        return Ok(own);
    }
    let pods = Request::new(format!("/api/v1/namespaces/{}/pods", pod.namespace));
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={}", pod.name));
    let list = cluster.send(pods.list(&of_job)?).await?.body;
    let pods = list["items"].as_array().into_iter().flatten();
    let newest = pods.max_by(|a, b| created(a).cmp(created(b)));
    Ok(newest.cloned().unwrap_or(own))
}

/// The creation time. Timestamps of RFC 3339 in UTC sort as text.
fn created(object: &Value) -> &str {
    object["metadata"]["creationTimestamp"].as_str().unwrap_or("")
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// The state of what was launched: a Pod, or a Job that has no Pod yet.
fn state_of(object: &Value) -> PodState {
    match pod_state(&object["status"]) {
        finished @ (PodState::Running | PodState::Succeeded) => finished,
        PodState::Failed { reason, message } => PodState::Failed { reason, message: format!("it failed: {message}") },
        _ if is_being_deleted(object) => {
            PodState::Failed { reason: "Deleted".into(), message: "it is being deleted before it started".into() }
        }
        _ if object["kind"] == "Job" => PodState::Starting {
            reason: "".into(),
            message: "the Job hasn't created a Pod yet; see the Job's events".into(),
        },
        other => other,
    }
}

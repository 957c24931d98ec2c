//! What becomes of a Pod: until it runs or has ended, or is known not to start.

use super::errors::{Fault, Finding, Subject};
use super::objects::Object;
use super::status::{PodState, pod_state};
use super::{Cluster, request};
use podrules::diagnostic::{Code, Diagnostic};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The first pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the scheduler may find no node: an autoscaler takes its time to bring one, but begins sooner.
const UNSCHEDULABLE: Duration = Duration::from_secs(30);
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
        let why = match standing(&object) {
            PodState::Running => return Ok("running"),
            PodState::Succeeded => return Ok("succeeded"),
            PodState::Failed { message, .. } => return failed(Code::PodFailed, message, &look),
            PodState::Stuck { message, .. } => return failed(Code::PodFailed, message, &look),
            PodState::Unschedulable { message: why } => {
                let since = *unschedulable_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= UNSCHEDULABLE {
                    return failed(Code::PodFailed, format!("can't be scheduled: {why}"), &look);
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

/// How what was launched stands: a Pod, or a Job that has made none yet.
fn standing(object: &Value) -> PodState {
    match pod_state(&object["status"]) {
        ended @ (PodState::Running | PodState::Succeeded) => ended,
        PodState::Failed { reason, message } => PodState::Failed { reason, message: format!("it failed: {message}") },
        _ if object["metadata"].get("deletionTimestamp").is_some() => {
            PodState::Failed { reason: "Deleted".into(), message: "it is being deleted before it started".into() }
        }
        _ if object["kind"] == "Job" => PodState::Starting {
            reason: "".into(),
            message: "its Job has made no Pod yet: the Job's events tell why".into(),
        },
        other => other,
    }
}

//! A launch that asks as little as it can: it creates first, and looks only at what is there already. One request for each
//! object, and one more for each companion that goes with the Pod. It may be broken off and repeated at any step.
//!
//! `apply` in [`launch`](super::Launch) is for people, who change a manifest and apply it again; this is for an agent, whose tasks
//! are launched once.

use super::errors::{Fault, Finding, Subject, warning};
use super::launch::{is_of_task, owner_reference, remove_exactly, uid_of};
use super::objects::{Object, label};
use super::request::{Reply, get};
use super::{Cluster, LIFETIME_LABEL, MANAGER};
use http::header::{ACCEPT, HeaderValue};
use kube::api::{Patch, PatchParams, PostParams};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::lifetime::Lifetime;
use serde_json::{Value, json};

/// An answer of metadata alone ([the API's representations](https://kubernetes.io/docs/reference/using-api/api-concepts/)).
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// Why the same launch may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The API server doesn't answer, or can't do it now.
    Unreachable,
    /// A quota is used up.
    Quota,
    /// What has the name is on its way out.
    BeingRemoved,
}

/// A launch that failed. What it made has been removed again, unless the server can't be reached.
#[derive(Debug)]
pub struct Failed {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Whether to try again.
    pub retry: Option<Retry>,
}

/// A launch that is done.
#[derive(Debug)]
pub struct Created {
    /// The Pod, or the Job, as the API server has it.
    pub pod: Value,
    /// Whether this launch made it.
    pub new: bool,
    /// What the API server warns of.
    pub warnings: Vec<Finding>,
}

/// A step that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A companion is there.
    Companion,
    /// The Pod is there.
    Pod,
    /// The companions that go with the Pod are its own.
    Owned,
}

/// Creates the objects of a launch as [`prepare`](super::Kinds::prepare) gives them; the Pod is the last. `may` is asked right
/// before the Pod is created, and a launch that may not go on ends as if the server couldn't be reached.
pub async fn create(
    cluster: &Cluster,
    objects: &[Object],
    may: impl Fn() -> bool,
    reached: impl Fn(Step),
) -> Result<Created, Failed> {
    let Some((pod, companions)) = objects.split_last() else {
        return Err(Failed { findings: Vec::new(), retry: None });
    };
    let (mut there, mut made, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for companion in companions {
        match one(cluster, companion, pod).await {
            Ok(one) => {
                if one.new {
                    made.push((companion, uid_of(&one.value).to_owned()));
                }
                warnings.extend(one.warnings);
                there.push(one.value);
            }
            Err(failed) => return Err(undo(cluster, made, failed).await),
        }
        reached(Step::Companion);
    }
    if !may() {
        let lost = Diagnostic::new(Code::ApiUnreachable, "another replica leads now");
        return Err(Failed { findings: vec![Finding::new(Subject::Pod, lost)], retry: Some(Retry::Unreachable) });
    }
    let launched = match one(cluster, pod, pod).await {
        Ok(launched) => launched,
        Err(failed) => return Err(undo(cluster, made, failed).await),
    };
    warnings.extend(launched.warnings);
    reached(Step::Pod);
    let owner = owner_reference(&pod.value, &launched.value);
    for (companion, there) in companions.iter().zip(&there) {
        if companion.lifetime == Some(Lifetime::Pod) && !is_owned_by(there, uid_of(&launched.value)) {
            // The Pod is there, so the launch has succeeded; what isn't owned yet is found by the next sweep.
            if let Err(fault) = own(cluster, companion, there, &owner).await {
                tracing::warn!(object = %companion.id(), why = %fault, "not owned by its Pod yet");
            }
        }
    }
    reached(Step::Owned);
    Ok(Created { pod: launched.value, new: launched.new, warnings })
}

/// An object that is there.
struct There {
    value: Value,
    /// Whether it was certainly made now.
    new: bool,
    warnings: Vec<Finding>,
}

/// Creates an object, or takes the one that an earlier attempt has made.
async fn one(cluster: &Cluster, object: &Object, pod: &Object) -> Result<There, Failed> {
    let fail = |fault: Fault| Failed { retry: retry(&fault), findings: fault.findings(object, cluster) };
    match post(cluster, object).await {
        Ok(reply) => {
            let warnings = reply.warnings.iter().map(|text| warning(object, text)).collect();
            Ok(There { value: reply.body, new: true, warnings })
        }
        Err(fault) if fault.exists() => {
            let there = get(cluster, format!("{}/{}", object.url(), object.name)).await;
            match there {
                Ok(there) => taken(cluster, object, pod, there).await,
                // It went in between.
                Err(gone) if gone.not_found() => Err(being_removed(object)),
                Err(fault) => Err(fail(fault)),
            }
        }
        Err(fault) => Err(fail(fault)),
    }
}

async fn post(cluster: &Cluster, object: &Object) -> Result<Reply, Fault> {
    let unusable = |error: String| Fault::Unusable(error);
    let body = serde_json::to_vec(&object.value).map_err(|error| unusable(error.to_string()))?;
    let parameters = PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) };
    let request = kube::core::Request::new(object.url()).create(&parameters, body);
    let mut request = request.map_err(|error| unusable(error.to_string()))?;
    // Only its uid is of use. A server that can't leave the rest out sends all.
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA));
    cluster.send(request).await
}

/// What is there under the name of an object to create, if it may stand for it.
async fn taken(cluster: &Cluster, object: &Object, pod: &Object, there: Value) -> Result<There, Failed> {
    let shared =
        object.lifetime == Some(Lifetime::Keep) && label(&there, LIFETIME_LABEL) == Some(Lifetime::Keep.word());
    if !is_of_task(&there, pod.task()) && !shared {
        return Err(Failed { findings: vec![object.not_ours(&there)], retry: None });
    }
    if there["metadata"].get("deletionTimestamp").is_some() {
        return Err(being_removed(object));
    }
    let owners = there["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    if object.lifetime == Some(Lifetime::Pod) && owners.iter().any(|owner| owner["name"] == pod.name.as_str()) {
        // That of an earlier Pod of the task goes with it, and may go at any moment.
        match get(cluster, format!("{}/{}", pod.url(), pod.name)).await {
            Ok(now) if is_owned_by(&there, uid_of(&now)) => {}
            Ok(_) => return Err(being_removed(object)),
            Err(fault) if fault.not_found() => return Err(being_removed(object)),
            Err(fault) => {
                return Err(Failed { retry: retry(&fault), findings: fault.findings(object, cluster) });
            }
        }
    }
    tracing::debug!(object = %object.id(), "is there already");
    Ok(There { value: there, new: false, warnings: Vec::new() })
}

fn is_owned_by(object: &Value, uid: &str) -> bool {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["uid"] == uid)
}

/// Makes a companion the Pod's own, so that it goes with it.
pub(super) async fn own(cluster: &Cluster, object: &Object, there: &Value, owner: &Value) -> Result<(), Fault> {
    let mut owners = there["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    owners.push(owner.clone());
    // With its uid, so that another of the same name isn't changed.
    let patch = json!({"metadata": {"uid": uid_of(there), "ownerReferences": owners}});
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let request = kube::core::Request::new(object.url()).patch(&object.name, &parameters, &Patch::Merge(&patch));
    cluster.send(request.map_err(|error| Fault::Unusable(error.to_string()))?).await.map(|_| ())
}

/// Removes what a launch has made that was refused. One that may be tried again soon keeps it.
async fn undo(cluster: &Cluster, made: Vec<(&Object, String)>, failed: Failed) -> Failed {
    if failed.retry == Some(Retry::Unreachable) {
        return failed;
    }
    for (object, uid) in made.into_iter().rev() {
        if let Err(fault) = remove_exactly(cluster, object, uid).await {
            tracing::warn!(object = %object.id(), why = %fault, "not removed");
        }
    }
    failed
}

fn being_removed(object: &Object) -> Failed {
    let message = format!("{} of an earlier launch is being removed", object.id());
    let diagnostic = Diagnostic::new(Code::BeingRemoved, message);
    Failed { findings: vec![Finding::new(object.subject, diagnostic)], retry: Some(Retry::BeingRemoved) }
}

pub(super) fn retry(fault: &Fault) -> Option<Retry> {
    match fault {
        Fault::Unreachable(_) => Some(Retry::Unreachable),
        Fault::Unusable(_) => None,
        Fault::Refused(status) => match status.code {
            // A token that has expired is renewed, if at all, by others.
            401 | 429 => Some(Retry::Unreachable),
            500.. if fault.worth_another().is_some() => Some(Retry::Unreachable),
            409 if fault.worth_another().is_some() => Some(Retry::Unreachable),
            403 if status.message.contains("exceeded quota") => Some(Retry::Quota),
            _ => None,
        },
    }
}

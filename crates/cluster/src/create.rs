//! Creating a launch's objects with as few requests as possible: one for each object, and one more for each companion that the
//! Pod owns. Only if an object already exists is it read. A launch can be interrupted and repeated at any step.
//!
//! [`Launch`](super::Launch) is for people, who change a manifest and apply it again; this is for the agent, which launches each
//! task once.

use super::errors::{RequestError, Retry};
use super::failure::{LaunchError, warning};
use super::finding::{Finding, Subject};
use super::labels::{LIFETIME_LABEL, MANAGER};
use super::objects::{Object, is_being_deleted, is_of_task, label, owner_reference, uid_of};
use super::request::{Cluster, Reply};
use super::verbs::{delete_in_background, get, set_owners};
use http::header::{ACCEPT, HeaderValue};
use kube::api::PostParams;
use kube::core::Request;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::lifetime::Lifetime;
use serde_json::Value;

/// Asks for the metadata alone ([the API's representations](https://kubernetes.io/docs/reference/using-api/api-concepts/)).
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// A launch that succeeded.
#[derive(Debug)]
pub struct Created {
    /// The Pod, or the Job, as the API server returned it.
    pub pod: Value,
    /// Whether this launch created it; otherwise an earlier one did.
    pub new: bool,
    /// The API server's warnings.
    pub warnings: Vec<Finding>,
}

/// A step of a launch that has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A companion exists.
    Companion,
    /// The Pod exists.
    Pod,
    /// The Pod owns its companions.
    Owned,
}

/// Creates the objects of a launch as [`prepare`](super::Kinds::prepare) returns them; the Pod is the last. `is_leader` is called
/// right before the Pod is created; if it is false, the launch fails as if the API server were unreachable. `reached` is called
/// after each step.
///
/// # Errors
/// A request failed, or an object exists that isn't the task's.
pub async fn create(
    cluster: &Cluster,
    objects: &[Object],
    is_leader: impl Fn() -> bool,
    reached: impl Fn(Step),
) -> Result<Created, LaunchError> {
    let Some((pod, companions)) = objects.split_last() else {
        return Err(LaunchError::permanent(Vec::new()));
    };
    let (mut live, mut created, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for companion in companions {
        match create_or_reuse(cluster, companion, pod).await {
            Ok(one) => {
                if one.new {
                    created.push((companion, uid_of(&one.value).to_owned()));
                }
                warnings.extend(one.warnings);
                live.push(one.value);
            }
            Err(error) => return Err(undo(cluster, created, error).await),
        }
        reached(Step::Companion);
    }
    if !is_leader() {
        let lost = Diagnostic::new(Code::ApiUnreachable, "another replica is the leader");
        return Err(LaunchError { findings: vec![Finding::new(Subject::Pod, lost)], retry: Some(Retry::Unreachable) });
    }
    let launched = match create_or_reuse(cluster, pod, pod).await {
        Ok(launched) => launched,
        Err(error) => return Err(undo(cluster, created, error).await),
    };
    warnings.extend(launched.warnings);
    reached(Step::Pod);
    let owner = owner_reference(&pod.value, &launched.value);
    for (companion, live) in companions.iter().zip(&live) {
        if companion.lifetime == Some(Lifetime::Pod) && !is_owned_by(live, uid_of(&launched.value)) {
            // The Pod exists, so the launch has succeeded. The next garbage collection finds companions without their owner.
            if let Err(error) = add_owner(cluster, companion, live, &owner).await {
                tracing::warn!(object = %companion.id(), why = %error, "could not set the owner");
            }
        }
    }
    reached(Step::Owned);
    Ok(Created { pod: launched.value, new: launched.new, warnings })
}

/// An object in the cluster.
struct Live {
    value: Value,
    /// Whether this launch certainly created it.
    new: bool,
    warnings: Vec<Finding>,
}

/// Creates an object, or reuses the one that an earlier attempt created.
async fn create_or_reuse(cluster: &Cluster, object: &Object, pod: &Object) -> Result<Live, LaunchError> {
    match post(cluster, object).await {
        Ok(reply) => {
            let warnings = reply.warnings.iter().map(|text| warning(object, text)).collect();
            Ok(Live { value: reply.body, new: true, warnings })
        }
        Err(error) if error.already_exists() => match get(cluster, &object.url(), &object.name).await {
            Ok(live) => reuse(cluster, object, pod, live).await,
            // It was deleted in the meantime.
            Err(gone) if gone.not_found() => Err(being_deleted(object)),
            Err(error) => Err(LaunchError::new(&error, object, cluster)),
        },
        Err(error) => Err(LaunchError::new(&error, object, cluster)),
    }
}

async fn post(cluster: &Cluster, object: &Object) -> Result<Reply, RequestError> {
    let body = object.value.to_string().into_bytes();
    let parameters = PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) };
    let mut request = Request::new(object.url()).create(&parameters, body)?;
    // Only the metadata is used. A server that doesn't support this representation returns the complete object.
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA));
    cluster.send(request).await
}

/// The existing object of the name, if the launch may use it.
async fn reuse(cluster: &Cluster, object: &Object, pod: &Object, live: Value) -> Result<Live, LaunchError> {
    let shared = object.lifetime == Some(Lifetime::Keep) && label(&live, LIFETIME_LABEL) == Some(Lifetime::Keep.word());
    if !is_of_task(&live, pod.task()) && !shared {
        return Err(LaunchError::permanent(vec![object.not_ours(&live)]));
    }
    if is_being_deleted(&live) {
        return Err(being_deleted(object));
    }
    let owners = live["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    if object.lifetime == Some(Lifetime::Pod) && owners.iter().any(|owner| owner["name"] == pod.name.as_str()) {
        // If an earlier Pod of the task owns it, Kubernetes deletes it with that Pod, at any moment.
        match get(cluster, &pod.url(), &pod.name).await {
            Ok(current) if is_owned_by(&live, uid_of(&current)) => {}
            Ok(_) => return Err(being_deleted(object)),
            Err(error) if error.not_found() => return Err(being_deleted(object)),
            Err(error) => return Err(LaunchError::new(&error, object, cluster)),
        }
    }
    tracing::debug!(object = %object.id(), "already exists");
    Ok(Live { value: live, new: false, warnings: Vec::new() })
}

fn is_owned_by(object: &Value, uid: &str) -> bool {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["uid"] == uid)
}

async fn add_owner(cluster: &Cluster, object: &Object, live: &Value, owner: &Value) -> Result<(), RequestError> {
    let mut owners = live["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    owners.push(owner.clone());
    set_owners(cluster, &object.url(), &object.name, uid_of(live), &owners).await
}

/// Deletes what a refused launch has created. A launch that is retried soon keeps it.
async fn undo(cluster: &Cluster, created: Vec<(&Object, String)>, error: LaunchError) -> LaunchError {
    if error.retry == Some(Retry::Unreachable) {
        return error;
    }
    for (object, uid) in created.into_iter().rev() {
        if let Err(error) = delete_in_background(cluster, &object.url(), &object.name, &uid).await {
            tracing::warn!(object = %object.id(), why = %error, "could not remove");
        }
    }
    error
}

fn being_deleted(object: &Object) -> LaunchError {
    let message = format!("{} from an earlier launch is being deleted", object.id());
    let diagnostic = Diagnostic::new(Code::BeingRemoved, message);
    LaunchError { findings: vec![Finding::new(object.subject, diagnostic)], retry: Some(Retry::BeingRemoved) }
}

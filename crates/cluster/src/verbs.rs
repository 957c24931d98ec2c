//! The verbs of the API, one request each. Objects are addressed by the URL of their kind in a namespace and by their name.

use super::errors::{ApiError, RequestError};
use super::labels::MANAGER;
use super::request::{Cluster, Reply};
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request;
use serde_json::{Value, json};

/// Objects per page of a list.
const PAGE: u32 = 500;
/// Pages of one list at most.
const MOST_PAGES: usize = 1_000;

/// Deletes the object with this uid; an object that has taken its name since stays. With `foreground`, what the object owns is
/// deleted before it, otherwise after it.
///
/// # Errors
/// The request failed, or the object is gone.
pub async fn delete(cluster: &Cluster, url: &str, name: &str, uid: &str, foreground: bool) -> Result<(), ApiError> {
    let parameters = if foreground { DeleteParams::foreground() } else { DeleteParams::background() };
    Ok(delete_exactly(cluster, url, name, uid, parameters).await?)
}

/// Deletes the object with this uid, in the background.
pub(super) async fn delete_in_background(
    cluster: &Cluster,
    url: &str,
    name: &str,
    uid: &str,
) -> Result<(), RequestError> {
    match delete_exactly(cluster, url, name, uid, DeleteParams::background()).await {
        Err(error) if error.not_found() => Ok(()),
        other => other,
    }
}

async fn delete_exactly(
    cluster: &Cluster,
    url: &str,
    name: &str,
    uid: &str,
    parameters: DeleteParams,
) -> Result<(), RequestError> {
    let exactly = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    cluster.send(Request::new(url).delete(name, &parameters.preconditions(exactly))?).await.map(drop)
}

/// Removes one finalizer from a Pod or a Job; other finalizers stay.
///
/// # Errors
/// The request failed, or the object is gone.
pub async fn remove_finalizer(
    cluster: &Cluster,
    url: &str,
    name: &str,
    uid: &str,
    finalizer: &str,
) -> Result<(), ApiError> {
    let patch = json!({"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [finalizer]}});
    Ok(send_patch(cluster, url, name, &Patch::Strategic(patch)).await?)
}

/// Sets the only owner of an object that has none.
///
/// # Errors
/// The request failed, or the object is gone.
pub async fn adopt(cluster: &Cluster, url: &str, name: &str, uid: &str, owner: &Value) -> Result<(), ApiError> {
    Ok(set_owners(cluster, url, name, uid, std::slice::from_ref(owner)).await?)
}

/// Replaces the owner references of the object with this uid.
pub(super) async fn set_owners(
    cluster: &Cluster,
    url: &str,
    name: &str,
    uid: &str,
    owners: &[Value],
) -> Result<(), RequestError> {
    let patch = json!({"metadata": {"uid": uid, "ownerReferences": owners}});
    send_patch(cluster, url, name, &Patch::Merge(patch)).await
}

async fn send_patch(cluster: &Cluster, url: &str, name: &str, patch: &Patch<Value>) -> Result<(), RequestError> {
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    cluster.send(Request::new(url).patch(name, &parameters, patch)?).await.map(drop)
}

/// Creates an object.
///
/// # Errors
/// The request failed.
pub async fn post(cluster: &Cluster, url: &str, object: &Value) -> Result<(), ApiError> {
    let request = Request::new(url).create(&PostParams::default(), object.to_string().into_bytes());
    cluster.send(request.map_err(RequestError::from)?).await?;
    Ok(())
}

/// Reads an object.
pub(super) async fn get(cluster: &Cluster, url: &str, name: &str) -> Result<Value, RequestError> {
    let Reply { body, .. } = cluster.send(Request::new(url).get(name, &GetParams::default())?).await?;
    Ok(body)
}

/// Deletes all objects of a kind that have the labels.
///
/// # Errors
/// The request failed.
pub async fn delete_collection(cluster: &Cluster, url: &str, labels: &[(&str, &str)]) -> Result<(), ApiError> {
    let selector: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let list = ListParams::default().labels(&selector.join(","));
    let request = Request::new(url).delete_collection(&DeleteParams::background(), &list);
    cluster.send(request.map_err(RequestError::from)?).await?;
    Ok(())
}

/// Calls `found` for each object of a kind that a label selector matches, page by page.
///
/// # Errors
/// A request failed; `found` may have been called before.
pub async fn for_each(
    cluster: &Cluster,
    url: &str,
    selector: &str,
    mut found: impl FnMut(Value),
) -> Result<(), ApiError> {
    let mut list = ListParams::default().labels(selector).limit(PAGE);
    for _ in 0..MOST_PAGES {
        let request = Request::new(url).list(&list).map_err(RequestError::from)?;
        let page = cluster.send(request).await?.body;
        let next = page["metadata"]["continue"].as_str().unwrap_or("").to_owned();
        if let Value::Object(mut page) = page
            && let Some(Value::Array(items)) = page.shift_remove("items")
        {
            items.into_iter().for_each(&mut found);
        }
        if next.is_empty() {
            return Ok(());
        }
        list = list.continue_token(&next);
    }
    Ok(())
}

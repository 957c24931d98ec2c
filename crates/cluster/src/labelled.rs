//! Objects known by their labels: listed, removed, let go.

use super::errors::Fault;
use super::request::get;
use super::{Cluster, MANAGER};
use http::{Method, Request};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use std::fmt;

/// Objects of one page.
const PAGE: usize = 500;
/// Pages of one list.
const MOST_PAGES: usize = 1_000;

/// Why something could not be done.
#[derive(Debug)]
pub struct Trouble {
    /// What the server says, or why it doesn't.
    pub message: String,
    /// Whether there is no such thing, so that nothing is left to do.
    pub gone: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        // Another object of the name has taken its place: 409 for a delete with a uid.
        let other = matches!(&fault, Fault::Refused(status) if status.code == 409);
        Trouble { gone: fault.not_found() || other, message: fault.to_string() }
    }
}

/// Deletes one object, and no other that has its name by now. `url` is that of its kind. What it owns goes after it, or `first`.
pub async fn delete(cluster: &Cluster, url: &str, name: &str, uid: &str, first: bool) -> Result<(), Trouble> {
    let how = if first { DeleteParams::foreground() } else { DeleteParams::background() };
    let exactly = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..how
    };
    let request = kube::core::Request::new(url).delete(name, &exactly);
    done(cluster, request.map_err(|error| Fault::Unusable(error.to_string()))?).await
}

/// Takes a finalizer off a Pod or a Job, and leaves those of others.
pub async fn release(cluster: &Cluster, url: &str, name: &str, uid: &str, finalizer: &str) -> Result<(), Trouble> {
    let patch = json!({"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [finalizer]}});
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let request = kube::core::Request::new(url).patch(name, &parameters, &Patch::Strategic(&patch));
    done(cluster, request.map_err(|error| Fault::Unusable(error.to_string()))?).await
}

/// Makes an object that nobody owns another's own, so that it goes with it.
pub async fn adopt(cluster: &Cluster, url: &str, name: &str, uid: &str, owner: &Value) -> Result<(), Trouble> {
    let patch = json!({"metadata": {"uid": uid, "ownerReferences": [owner]}});
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let request = kube::core::Request::new(url).patch(name, &parameters, &Patch::Merge(&patch));
    done(cluster, request.map_err(|error| Fault::Unusable(error.to_string()))?).await
}

/// Creates an object that nobody waits for.
pub async fn post(cluster: &Cluster, url: &str, object: &Value) -> Result<(), Trouble> {
    let request = Request::post(url).header("Content-Type", "application/json").body(object.to_string().into_bytes());
    done(cluster, request.map_err(|error| Fault::Unusable(error.to_string()))?).await
}

/// Deletes all objects of a kind that bear the labels.
pub async fn delete_all(cluster: &Cluster, url: &str, labels: &[(&str, &str)]) -> Result<(), Trouble> {
    let path = format!("{url}?propagationPolicy=Background&labelSelector={}", selector(labels));
    let request = Request::builder().method(Method::DELETE).uri(path).body(Vec::new());
    done(cluster, request.map_err(|error| Fault::Unusable(error.to_string()))?).await
}

/// All objects of a kind that a label selector finds, page by page.
pub async fn each(cluster: &Cluster, url: &str, selector: &str, mut found: impl FnMut(Value)) -> Result<(), Trouble> {
    let mut next = String::new();
    for _ in 0..MOST_PAGES {
        let path = format!("{url}?limit={PAGE}&labelSelector={}&continue={}", encoded(selector), encoded(&next));
        let page = get(cluster, path).await?;
        let more = page["metadata"]["continue"].as_str().unwrap_or("").to_owned();
        if let Value::Object(mut page) = page
            && let Some(Value::Array(items)) = page.shift_remove("items")
        {
            items.into_iter().for_each(&mut found);
        }
        if more.is_empty() {
            return Ok(());
        }
        next = more;
    }
    Ok(())
}

async fn done(cluster: &Cluster, request: Request<Vec<u8>>) -> Result<(), Trouble> {
    match cluster.send(request).await {
        Ok(_) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

fn selector(labels: &[(&str, &str)]) -> String {
    encoded(&labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
}

/// A text as a value in a query: what isn't plain is written in hexadecimal
/// ([RFC 3986, 2.1](https://www.rfc-editor.org/rfc/rfc3986#section-2.1)).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

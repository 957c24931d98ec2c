//! The plural names of companions' kinds, from [API
//! discovery](https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api), cached for each group and version.

use super::errors::RequestError;
use super::failure::LaunchError;
use super::finding::{Finding, Subject};
use super::objects::Object;
use super::request::{Cluster, get_path};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a kind stays cached: kinds rarely change.
const FOUND: Duration = Duration::from_secs(600);
/// How long it stays cached that a kind doesn't exist: it may be about to be installed.
const MISSING: Duration = Duration::from_secs(10);
/// Groups and versions that are cached. Versions may come from a task's fields.
const MOST_GROUPS: usize = 1_000;

/// The kinds of the cluster, as far as they have been looked up.
#[derive(Debug, Default)]
pub struct Kinds {
    groups: Mutex<HashMap<String, (Instant, Arc<Value>)>>,
}

impl Kinds {
    /// Looks up the companions' kinds, so that the objects can be sent.
    ///
    /// # Errors
    /// A request failed, or a kind doesn't exist or is cluster-scoped.
    pub async fn prepare(&self, cluster: &Cluster, mut objects: Vec<Object>) -> Result<Vec<Object>, LaunchError> {
        let mut found = Vec::new();
        for object in &mut objects {
            // The URLs of Pods and Jobs are known.
            if object.subject == Subject::Pod {
                continue;
            }
            match self.kind(cluster, &object.resource.api_version, &object.resource.kind).await {
                Err(error) => return Err(LaunchError::new(&error, object, cluster)),
                Ok(None) => {
                    let version = &object.resource.api_version;
                    let message = format!("the cluster has no kind {} in {version}", object.resource.kind);
                    let help = "correct apiVersion and kind (`kubectl api-resources` lists them), or install the CustomResourceDefinition";
                    let diagnostic = Diagnostic::new(Code::UnknownKind, message).help(help);
                    found.push(Finding::new(object.subject, diagnostic).at(Pointer::root().child("kind")));
                }
                Ok(Some(kind)) if kind["namespaced"] == false => {
                    let message = format!("{} is cluster-scoped, which a companion can't be", object.id());
                    let help = "create it outside of the rules, once for the cluster";
                    found.push(Finding::new(object.subject, Diagnostic::new(Code::ClusterScoped, message).help(help)));
                }
                Ok(Some(kind)) => object.resource.plural = kind["name"].as_str().unwrap_or_default().to_owned(),
            }
        }
        if found.is_empty() { Ok(objects) } else { Err(LaunchError::permanent(found)) }
    }

    /// The plural name of a namespaced kind, as URLs have it; `None` if it doesn't exist, or the request failed.
    pub async fn plural(&self, cluster: &Cluster, version: &str, kind: &str) -> Option<String> {
        let kind = self.kind(cluster, version, kind).await.ok()??;
        (kind["namespaced"] != false).then(|| kind["name"].as_str().map(str::to_owned))?
    }

    /// The `APIResource` of a kind, if it exists.
    async fn kind(&self, cluster: &Cluster, version: &str, kind: &str) -> Result<Option<Value>, RequestError> {
        let in_list = |list: &Value| {
            let kinds = list["resources"].as_array().into_iter().flatten();
            // Names with a slash are subresources, such as `pods/log`.
            let resource = |r: &&Value| r["name"].as_str().is_some_and(|name| !name.contains('/'));
            kinds.filter(resource).find(|r| r["kind"] == kind).cloned()
        };
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned();
        if let Some((since, list)) = known {
            let found = in_list(&list);
            if since.elapsed() < if found.is_some() { FOUND } else { MISSING } {
                return Ok(found);
            }
        }
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let list = match get_path(cluster, path).await {
            Err(error) if error.not_found() => json!({}),
            other => other?,
        };
        let found = in_list(&list);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.len() >= MOST_GROUPS {
            groups.clear();
        }
        groups.insert(version.to_owned(), (Instant::now(), Arc::new(list)));
        Ok(found)
    }
}

//! What the cluster calls the kinds of companions, asked of it once for each group
//! ([API discovery](https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api)).

use super::create::{Failed, retry};
use super::errors::{Fault, Finding, Subject};
use super::objects::Object;
use super::{Cluster, request};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer counts: kinds come and go seldom.
const FRESH: Duration = Duration::from_secs(600);
/// How long it counts that there is no such kind: it may be about to be installed.
const FRESH_NONE: Duration = Duration::from_secs(10);

/// The kinds that the cluster has told of.
#[derive(Debug, Default)]
pub struct Kinds {
    groups: Mutex<HashMap<String, (Instant, Arc<Value>)>>,
}

impl Kinds {
    /// The objects with what the cluster calls their kinds.
    pub async fn prepare(&self, cluster: &Cluster, mut objects: Vec<Object>) -> Result<Vec<Object>, Failed> {
        let mut found = Vec::new();
        for object in &mut objects {
            // The Pod's place in the API is no question.
            if object.subject == Subject::Pod {
                continue;
            }
            match self.kind(cluster, &object.resource.api_version, &object.resource.kind).await {
                Err(fault) => return Err(Failed { retry: retry(&fault), findings: fault.findings(object, cluster) }),
                Ok(None) => {
                    let version = &object.resource.api_version;
                    let message = format!("the cluster has no kind {} in {version}", object.resource.kind);
                    let help = "correct apiVersion and kind (`kubectl api-resources` lists those there are), or install what brings it";
                    let diagnostic = Diagnostic::new(Code::UnknownKind, message).help(help);
                    found.push(Finding::new(object.subject, diagnostic).at(Pointer::root().child("kind")));
                }
                Ok(Some(kind)) if kind["namespaced"] == false => {
                    let message = format!("{} is of no namespace, and companions must be", object.id());
                    let help = "create it once for the cluster, outside of the rules";
                    found.push(Finding::new(object.subject, Diagnostic::new(Code::ClusterScoped, message).help(help)));
                }
                Ok(Some(kind)) => object.resource.plural = kind["name"].as_str().unwrap_or_default().to_owned(),
            }
        }
        if found.is_empty() { Ok(objects) } else { Err(Failed { findings: found, retry: None }) }
    }

    /// What a kind of namespaced objects is called in requests; nothing if the cluster has none, or can't tell now.
    pub async fn plural(&self, cluster: &Cluster, version: &str, kind: &str) -> Option<String> {
        let kind = self.kind(cluster, version, kind).await.ok()??;
        (kind["namespaced"] != false).then(|| kind["name"].as_str().map(str::to_owned))?
    }

    /// What the cluster says of a kind; nothing if it has none.
    async fn kind(&self, cluster: &Cluster, version: &str, kind: &str) -> Result<Option<Value>, Fault> {
        let in_list = |list: &Value| {
            let kinds = list["resources"].as_array().into_iter().flatten();
            // Those with a slash are parts of others, such as `pods/log`.
            let whole = |r: &&Value| r["name"].as_str().is_some_and(|name| !name.contains('/'));
            kinds.filter(whole).find(|r| r["kind"] == kind).cloned()
        };
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned();
        if let Some((since, list)) = known {
            let found = in_list(&list);
            if since.elapsed() < if found.is_some() { FRESH } else { FRESH_NONE } {
                return Ok(found);
            }
        }
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let list = match request::get(cluster, path).await {
            Err(fault) if fault.not_found() => json!({}),
            other => other?,
        };
        let found = in_list(&list);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        // Versions may be made of a task's fields.
        if groups.len() >= 1_000 {
            groups.clear();
        }
        groups.insert(version.to_owned(), (Instant::now(), Arc::new(list)));
        Ok(found)
    }
}

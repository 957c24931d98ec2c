//! A companion found in the cluster, and what may have to be done with it.

use crate::launch::Launcher;
use crate::workload::{Kind, Workload};
use jiff::Timestamp;
use podrules::lifetime::Lifetime;
use podrules_cluster::{self as cluster, ApiError, LIFETIME_LABEL, TASK_LABEL};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;

/// A companion, as far as garbage collection needs it.
#[derive(Debug)]
pub struct Companion {
    /// The path of its collection.
    pub url: Arc<str>,
    pub name: String,
    pub uid: String,
    /// The key of its task.
    pub key: SmolStr,
    /// `None` if the label has an unknown value.
    pub lifetime: Option<Lifetime>,
    /// Whether it has an owner.
    pub owned: bool,
    pub created: Option<Timestamp>,
}

/// What to do with a companion.
#[derive(Debug)]
pub enum Repair {
    /// Delete it: no task needs it.
    Delete,
    /// Make this owner, its task's Pod, its own.
    SetOwner(Value),
}

impl Companion {
    /// Reads a listed object; `None` if it is being deleted, or isn't a companion.
    pub fn read(url: &Arc<str>, object: &Value) -> Option<Self> {
        let metadata = &object["metadata"];
        let label = |name: &str| metadata["labels"][name].as_str();
        if metadata.get("deletionTimestamp").is_some() {
            return None;
        }
        let lifetime = match label(LIFETIME_LABEL)? {
            word if word == Lifetime::Pod.word() => Some(Lifetime::Pod),
            word if word == Lifetime::Task.word() => Some(Lifetime::Task),
            _ => None,
        };
        Some(Companion {
            url: url.clone(),
            name: metadata["name"].as_str()?.to_owned(),
            uid: metadata["uid"].as_str()?.to_owned(),
            key: label(TASK_LABEL)?.into(),
            lifetime,
            owned: metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty()),
            created: metadata["creationTimestamp"].as_str().and_then(|text| text.parse().ok()),
        })
    }
}

/// The ownerReference to a workload.
pub fn owner_reference(workload: &Workload) -> Value {
    let (version, kind) = match workload.kind {
        Kind::Pod => ("v1", "Pod"),
        Kind::Job => ("batch/v1", "Job"),
    };
    json!({"apiVersion": version, "kind": kind, "name": workload.name.as_str(), "uid": workload.uid.as_str()})
}

impl Launcher {
    /// The paths of the collections that companions may be in: of the kinds that the rules name, in the watched namespaces.
    pub(super) async fn companion_urls(&self) -> Vec<String> {
        let mut urls = Vec::new();
        for (version, kind) in self.render.companions() {
            let Some(plural) = self.kinds.plural(&self.cluster, &version, &kind).await else { continue };
            let base = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
            if self.scope.namespaces.is_empty() {
                urls.push(format!("{base}/{plural}"));
            }
            urls.extend(self.scope.namespaces.iter().map(|own| format!("{base}/namespaces/{own}/{plural}")));
        }
        urls.sort();
        urls.dedup();
        urls
    }

    /// Repairs a companion.
    ///
    /// # Errors
    /// The API server refuses, or can't be reached.
    pub(super) async fn repair(&self, companion: &Companion, repair: &Repair) -> Result<(), ApiError> {
        let Companion { url, name, uid, .. } = companion;
        match repair {
            Repair::Delete => cluster::delete(&self.cluster, url, name, uid, false).await,
            Repair::SetOwner(owner) => cluster::adopt(&self.cluster, url, name, uid, owner).await,
        }
    }
}

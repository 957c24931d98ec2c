//! Watches the Pods of a namespace, independently of the agent and of any fault between it and the API server.
//!
//! The watch resumes where it stopped, so no Pod is missed, however short its life. Only a restarted API server doesn't know
//! earlier events; the witness then counts that it may have missed some.

use super::super::harness::{Place, client};
use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What was seen.
#[derive(Default)]
pub struct Seen {
    /// The uids of all Pods that a task ever had.
    pub pods: BTreeMap<String, BTreeSet<String>>,
    /// The names of Pods that exist and aren't being deleted.
    pub there: BTreeSet<String>,
    /// The most Pods that existed at once.
    pub most: usize,
    /// How often the watch couldn't resume.
    pub blinks: usize,
}

/// The watch. It stops when this is dropped.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    _runtime: tokio::runtime::Runtime,
}

impl Witness {
    /// Starts watching.
    pub fn new(place: &Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let api = runtime.block_on(async {
            let api: Api<Pod> = Api::namespaced(client(&place.kubeconfig).await, &place.namespace);
            assert!(api.list(&ListParams::default()).await.unwrap().items.is_empty(), "the namespace has Pods already");
            api
        });
        let version = runtime.block_on(list(&api, &seen)).expect("a list");
        runtime.spawn(watch(api, version, seen.clone()));
        Witness { seen, _runtime: runtime }
    }

    /// What was seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Tasks that had more than one Pod.
    pub fn doubled(&self) -> Vec<String> {
        let seen = self.seen();
        seen.pods.iter().filter(|(_, uids)| uids.len() > 1).map(|(task, _)| task.clone()).collect()
    }
}

/// Notes all Pods that exist, and returns the version to watch from.
async fn list(api: &Api<Pod>, seen: &Mutex<Seen>) -> Option<String> {
    let list = api.list(&ListParams::default()).await.ok()?;
    let mut seen = seen.lock().unwrap();
    seen.there.clear();
    for pod in list.items {
        note(&mut seen, pod, false);
    }
    list.metadata.resource_version
}

async fn watch(api: Api<Pod>, mut version: String, seen: Arc<Mutex<Seen>>) {
    loop {
        let parameters = WatchParams::default().timeout(60);
        if let Ok(stream) = api.watch(&parameters, &version).await {
            let mut stream = std::pin::pin!(stream);
            // An outage of the API server ends the stream; the next one resumes after the last event.
            while let Ok(Some(event)) = stream.try_next().await {
                match event {
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                        version = pod.metadata.resource_version.clone().unwrap_or(version);
                        note(&mut seen.lock().unwrap(), pod, false);
                    }
                    WatchEvent::Deleted(pod) => {
                        version = pod.metadata.resource_version.clone().unwrap_or(version);
                        note(&mut seen.lock().unwrap(), pod, true);
                    }
                    WatchEvent::Bookmark(mark) => version = mark.metadata.resource_version,
                    WatchEvent::Error(status) if status.code == 410 => {
                        if let Some(now) = list(&api, &seen).await {
                            version = now;
                            seen.lock().unwrap().blinks += 1;
                        }
                        break;
                    }
                    WatchEvent::Error(_) => break,
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn note(seen: &mut Seen, pod: Pod, gone: bool) {
    let meta = pod.metadata;
    let name = meta.name.unwrap();
    let labels = meta.labels.unwrap_or_default();
    if let Some(task) = labels.get("podrules.io/task-id") {
        seen.pods.entry(task.clone()).or_default().insert(meta.uid.unwrap());
    }
    if gone || meta.deletion_timestamp.is_some() {
        seen.there.remove(&name);
    } else {
        seen.there.insert(name);
    }
    seen.most = seen.most.max(seen.there.len());
}

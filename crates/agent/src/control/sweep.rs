//! Companions that nobody needs any more: left by a process that was killed between two steps.

use super::Control;
use super::jobs::Done;
use crate::launch::Launcher;
use crate::source::{Fate, TaskSource};
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::lifetime::Lifetime;
use podrules_cluster::{self as cluster, ApiError, LIFETIME_LABEL, TASK_LABEL};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A companion, as a list tells of it.
#[derive(Debug)]
pub struct Companion {
    url: Arc<str>,
    name: String,
    uid: String,
    key: SmolStr,
    lifetime: Option<Lifetime>,
    /// Whether anything owns it.
    owned: bool,
    made: Option<Timestamp>,
}

/// What is to be done with one.
#[derive(Debug)]
enum Mend {
    Remove,
    Adopt(Value),
}

/// Companions that are looked at in one go.
const BATCH: usize = 500;

impl Companion {
    fn read(url: &Arc<str>, object: &Value) -> Option<Self> {
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
            made: metadata["creationTimestamp"].as_str().and_then(|text| text.parse().ok()),
        })
    }
}

impl<S: TaskSource> Control<S> {
    /// Looks for them, if it is time.
    pub(super) fn sweep_if_due(&mut self) {
        let fresh = self.swept.is_some_and(|at| at.elapsed() < self.settings.sweep);
        if fresh || self.sweeping || self.stopping || !self.is_synced() || self.trouble.is_some() {
            return;
        }
        self.swept = Some(Instant::now());
        self.sweeping = true;
        let (launcher, done) = (self.launcher.clone(), self.done.clone());
        self.jobs.spawn(async move {
            let selector = launcher.scope.selector();
            for url in launcher.companion_urls().await {
                let url: Arc<str> = url.into();
                let mut found = Vec::new();
                let listed = cluster::for_each(&launcher.cluster, &url, &selector, |object| {
                    found.extend(Companion::read(&url, &object))
                });
                if let Err(trouble) = listed.await {
                    tracing::warn!(%url, "companions can't be listed: {}", printable_line(&trouble.message));
                    continue;
                }
                while !found.is_empty() {
                    let rest = found.split_off(found.len().min(BATCH));
                    let _ = done.send(Done::Found(std::mem::replace(&mut found, rest))).await;
                }
            }
            let _ = done.send(Done::Swept).await;
        });
    }

    /// Looks at companions that were found, and has done what is to be done.
    pub(super) async fn found(&mut self, found: Vec<Companion>) {
        let mut to_mend = Vec::new();
        for companion in found {
            if let Some(mend) = self.judge_companion(&companion).await {
                to_mend.push((companion, mend));
            }
        }
        if to_mend.is_empty() {
            return;
        }
        let launcher = self.launcher.clone();
        self.jobs.spawn(async move {
            for (companion, mend) in to_mend {
                let result = launcher.mend(&companion, &mend).await;
                let object = format!("{}/{}", companion.url, companion.name);
                let what = if matches!(mend, Mend::Remove) { "removed: nobody needs it" } else { "given to its Pod" };
                match result {
                    Ok(()) => tracing::info!(%object, task = %printable_line(&companion.key), "{what}"),
                    Err(trouble) if trouble.gone => {}
                    Err(trouble) => tracing::warn!(%object, "{}", printable_line(&trouble.message)),
                }
            }
        });
    }

    async fn judge_companion(&mut self, companion: &Companion) -> Option<Mend> {
        let lifetime = companion.lifetime?;
        if let Some(tracked) = self.tracked.get(&companion.key) {
            let unit = tracked.unit.as_ref().filter(|_| !tracked.gone && !tracked.busy)?;
            return (lifetime == Lifetime::Pod && !companion.owned && unit.deleting.is_none())
                .then(|| Mend::Adopt(owner(unit)));
        }
        // What is owned goes with its owner; what is young may belong to a launch that another process is at.
        if companion.owned || !self.is_old(companion.made?) {
            return None;
        }
        let fate = self.source.fate(&companion.key).await;
        match (self.note("fate", fate)?, lifetime) {
            (Fate::Waiting, _) | (Fate::Launched, Lifetime::Task) => None,
            _ => Some(Mend::Remove),
        }
    }

    fn is_old(&self, made: Timestamp) -> bool {
        let now = Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        Duration::try_from(now.duration_since(made)).is_ok_and(|age| age > self.settings.sweep)
    }
}

fn owner(unit: &crate::unit::Unit) -> Value {
    let (version, kind) = match unit.kind {
        crate::unit::Kind::Pod => ("v1", "Pod"),
        crate::unit::Kind::Job => ("batch/v1", "Job"),
    };
    json!({"apiVersion": version, "kind": kind, "name": unit.name.as_str(), "uid": unit.uid.as_str()})
}

impl Launcher {
    /// Where companions of the kinds that the rules name are.
    async fn companion_urls(&self) -> Vec<String> {
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

    async fn mend(&self, companion: &Companion, mend: &Mend) -> Result<(), ApiError> {
        match mend {
            Mend::Remove => {
                cluster::delete(&self.cluster, &companion.url, &companion.name, &companion.uid, false).await
            }
            Mend::Adopt(owner) => {
                cluster::adopt(&self.cluster, &companion.url, &companion.name, &companion.uid, owner).await
            }
        }
    }
}

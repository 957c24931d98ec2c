//! Garbage collection of companions that a process left when it was killed between two steps.
//!
//! A job lists them, a batch at a time. The loop decides about each: for some it asks the task source, one after another.

use super::Controller;
use super::companion::{Companion, Repair, owner_reference};
use super::jobs::{Batch, JobResult};
use crate::task_source::TaskState;
use crate::task_source::service::{Purpose, Request};
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::lifetime::Lifetime;
use podrules_cluster as cluster;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Companions per batch.
const BATCH: usize = 500;

/// What to do with a companion, as far as is known.
enum Decision {
    Keep,
    Repair(Repair),
    /// The state of its task decides.
    AskSource,
}

impl Controller {
    /// Starts a garbage collection, if it is time.
    pub(super) fn collect_if_due(&mut self) {
        let recent = self.last_collection.is_some_and(|at| at.elapsed() < self.settings.collect_every);
        if recent || self.collecting || self.stopping || !self.is_listed() || self.watch_failure.is_some() {
            return;
        }
        self.last_collection = Some(Instant::now());
        self.collecting = true;
        let (launcher, results) = (self.launcher.clone(), self.results.clone());
        self.jobs.spawn(async move {
            let selector = launcher.scope.selector();
            for url in launcher.companion_urls().await {
                let url: Arc<str> = url.into();
                let mut found = Vec::new();
                let listed = cluster::for_each(&launcher.cluster, &url, &selector, |object| {
                    found.extend(Companion::read(&url, &object))
                });
                if let Err(error) = listed.await {
                    tracing::warn!(%url, "could not list companions: {}", printable_line(&error.message));
                    continue;
                }
                while !found.is_empty() {
                    let rest = found.split_off(found.len().min(BATCH));
                    let companions = std::mem::replace(&mut found, rest).into();
                    let (done, handled) = oneshot::channel();
                    let batch = Batch { companions, repairs: Vec::new(), _done: done };
                    let _ = results.send(JobResult::CompanionsFound(batch)).await;
                    // The loop drops the batch when it has decided about each companion.
                    let _ = handled.await;
                }
            }
            let _ = results.send(JobResult::Collected).await;
        });
    }

    /// Takes a batch of companions.
    pub(super) fn companions_found(&mut self, batch: Batch) {
        if !self.stopping {
            self.batch = Some(batch);
            self.decide_on_companions();
        }
    }

    /// Decides about the companions of the batch, up to the first for which the source must be asked.
    fn decide_on_companions(&mut self) {
        let Some(mut batch) = self.batch.take() else { return };
        while let Some(companion) = batch.companions.pop_front() {
            match self.decide(&companion) {
                Decision::Keep => {}
                Decision::Repair(repair) => batch.repairs.push((companion, repair)),
                Decision::AskSource => {
                    self.source.send(Request::State(companion.key.clone(), Purpose::Collect));
                    batch.companions.push_front(companion);
                    self.batch = Some(batch);
                    return;
                }
            }
        }
        self.repair(batch);
    }

    /// Takes the state of the task that the first companion of the batch belongs to; `None` if the source failed.
    pub(super) fn companion_task_state(&mut self, state: Option<Option<TaskState>>) {
        let Some(batch) = &mut self.batch else { return };
        let Some(companion) = batch.companions.pop_front() else { return };
        // The task may have been dispatched meanwhile.
        let decision = match self.decide(&companion) {
            Decision::AskSource => match (state, companion.lifetime) {
                (None | Some(Some(TaskState::Waiting)), _) => Decision::Keep,
                (Some(Some(TaskState::Launched | TaskState::Running)), Some(Lifetime::Task)) => Decision::Keep,
                _ => Decision::Repair(Repair::Delete),
            },
            other => other,
        };
        if let (Decision::Repair(repair), Some(batch)) = (decision, &mut self.batch) {
            batch.repairs.push((companion, repair));
        }
        self.decide_on_companions();
    }

    /// Decides without the source, if that is enough.
    fn decide(&self, companion: &Companion) -> Decision {
        let Some(lifetime) = companion.lifetime else { return Decision::Keep };
        if let Some(tracked) = self.tracked.get(&companion.key) {
            return match tracked.workload.as_ref().filter(|_| !tracked.deleted && !tracked.busy) {
                Some(workload) if lifetime == Lifetime::Pod && !companion.owned && workload.deletion.is_none() => {
                    Decision::Repair(Repair::SetOwner(owner_reference(workload)))
                }
                _ => Decision::Keep,
            };
        }
        // An owned one is deleted with its owner; a recent one may belong to a launch of another process.
        let old = companion.created.is_some_and(|created| self.is_old(created));
        if companion.owned || !old { Decision::Keep } else { Decision::AskSource }
    }

    fn repair(&mut self, batch: Batch) {
        if batch.repairs.is_empty() {
            return;
        }
        let launcher = self.launcher.clone();
        self.jobs.spawn(async move {
            for (companion, repair) in &batch.repairs {
                let result = launcher.repair(companion, repair).await;
                let object = format!("{}/{}", companion.url, companion.name);
                let what = match repair {
                    Repair::Delete => "removed leftover companion",
                    Repair::SetOwner(_) => "set the Pod as owner",
                };
                match result {
                    Ok(()) => tracing::info!(%object, task = %printable_line(&companion.key), "{what}"),
                    Err(error) if error.gone => {}
                    Err(error) => tracing::warn!(%object, "{}", printable_line(&error.message)),
                }
            }
        });
    }

    fn is_old(&self, created: Timestamp) -> bool {
        let now = Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        Duration::try_from(now.duration_since(created)).is_ok_and(|age| age > self.settings.collect_every)
    }
}

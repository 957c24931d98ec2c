//! Watch events → what the controller knows.

use super::Controller;
use super::tracked::Tracked;
use crate::watch::WatchEvent;
use crate::workload::{Kind, Workload};
use podrules::diagnostic::render::printable_line;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::time::Instant;

impl Controller {
    /// Takes a watch event.
    pub(super) fn observe(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::ListStarted(watch) => {
                self.lists.insert(watch, (Instant::now(), HashSet::new()));
            }
            WatchEvent::Applied(watch, workload) => {
                if let Some((_, uids)) = self.lists.get_mut(&watch) {
                    uids.insert(workload.uid.clone());
                }
                self.watch_recovered();
                self.applied(*workload);
            }
            WatchEvent::Deleted(workload) => {
                self.watch_recovered();
                if self.job_pods.get(&workload.key).is_some_and(|(uid, _)| *uid == workload.uid) {
                    self.job_pods.remove(&workload.key);
                    if let Some(tracked) = self.tracked.get_mut(&workload.key) {
                        tracked.job_pod = None;
                        self.due.insert(workload.key.clone());
                    }
                }
                self.deleted(&workload.key, &workload.uid);
            }
            WatchEvent::ListDone(watch) => {
                self.watch_recovered();
                self.list_done(watch);
            }
            WatchEvent::Failed(why) => {
                if self.watch_failure.is_none() {
                    tracing::warn!("watch failed: {why}");
                }
                self.watch_failure = Some(why);
            }
        }
    }

    fn watch_recovered(&mut self) {
        if self.watch_failure.take().is_some() {
            tracing::info!("watch recovered");
        }
    }

    /// What isn't in a complete list was deleted unseen.
    fn list_done(&mut self, watch: usize) {
        let Some((since, uids)) = self.lists.remove(&watch) else { return };
        let kinds = self.settings.scope.kinds.len();
        let per_kind = self.settings.scope.watches() / kinds;
        let kind = self.settings.scope.kinds[(watch / per_kind).min(kinds - 1)];
        let namespace = self.settings.scope.namespaces.get(watch % per_kind);
        if kind == Kind::Pod && kinds > 1 {
            self.job_pods.retain(|_, (uid, _)| uids.contains(uid) || namespace.is_some());
        }
        let deleted = self.tracked.iter().filter_map(|(key, tracked)| {
            let workload = tracked.workload.as_ref()?;
            let listed = workload.kind == kind && namespace.is_none_or(|namespace| *namespace == *workload.namespace);
            let missing = listed && tracked.observed < since && !uids.contains(&workload.uid);
            missing.then(|| (key.clone(), workload.uid.clone()))
        });
        for (key, uid) in deleted.collect::<Vec<_>>() {
            self.deleted(&key, &uid);
        }
        if self.listed.insert(watch) && self.is_listed() {
            tracing::info!(count = self.tracked.len(), "listed Pods");
            self.find_lost();
        }
    }

    /// A workload was deleted.
    fn deleted(&mut self, key: &SmolStr, uid: &SmolStr) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if tracked.workload.as_ref().is_some_and(|workload| workload.uid == *uid) && !tracked.deleted {
            tracked.deleted = true;
            self.due.insert(key.clone());
        }
    }

    /// A workload was listed, created or changed.
    fn applied(&mut self, workload: Workload) {
        let key = workload.key.clone();
        if workload.is_job_pod {
            if let Some(tracked) = self.tracked.get_mut(&key) {
                tracked.job_pod = Some(workload.state.clone());
                self.due.insert(key.clone());
            }
            self.job_pods.insert(key, (workload.uid, workload.state));
            return;
        }
        let launched_as = self.settings.scope.kinds.last().copied().unwrap_or(Kind::Pod);
        if !workload.is_named_for_its_task() || workload.kind != launched_as {
            let name = printable_line(&workload.name);
            tracing::debug!(pod = %name, "ignoring a Pod that has our labels but not our name");
            return;
        }
        match self.tracked.get_mut(&key) {
            None => self.track(workload),
            Some(tracked) => match &tracked.workload {
                Some(other)
                    if other.uid != workload.uid && !tracked.deleted && other.namespace != workload.namespace =>
                {
                    tracing::warn!(task = %printable_line(&key), "the task has Pods in two namespaces; ignoring the second");
                    return;
                }
                // Another one of the same name: what is left to do for the previous one is done first.
                Some(other) if other.uid != workload.uid => {
                    let uid = other.uid.clone();
                    self.deleted(&key, &uid);
                    self.successors.insert(key.clone(), workload);
                }
                _ => {
                    if !workload.queue.is_empty() {
                        tracked.queue = workload.queue.clone();
                    }
                    tracked.observed = Instant::now();
                    tracked.workload = Some(workload);
                    tracked.job_pod = self.job_pods.get(&key).map(|(_, state)| state.clone());
                }
            },
        }
        self.due.insert(key);
    }

    /// Tracks a workload that this process hasn't launched. The next reconcile asks the source about its task.
    pub(super) fn track(&mut self, workload: Workload) {
        let key = workload.key.clone();
        let mut tracked = Tracked::new(workload.queue.clone(), None);
        tracked.workload = Some(workload);
        tracked.job_pod = self.job_pods.get(&key).map(|(_, state)| state.clone());
        self.tracked.insert(key.clone(), tracked);
        self.due.insert(key);
    }
}

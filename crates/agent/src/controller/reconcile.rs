//! Reconcile: what is known about a task → the next step for it. The order of steps makes it safe to be killed at any moment: the
//! end is recorded before the Pod is deleted, and the finalizer is removed only after the post-delete command has run.
//!
//! A step that needs the source sends a request, and the task is busy until the answer comes. Then it is reconciled again.

use super::Controller;
use super::jobs::Job;
use super::tracked::{MAX_MESSAGE, Tracked, Verdict};
use crate::task_source::service::{Purpose, Request};
use crate::task_source::{Record, TaskState};
use crate::workload::{Kind, Workload, pending};
use podrules::text::shortened;
use podrules_cluster::PodState;
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// How long after its grace period a Pod that doesn't go away counts as terminated.
const OVERDUE: Duration = Duration::from_secs(5);
/// The same for a Job, which has no grace period for the end of its Pod.
const JOB_OVERDUE: Duration = Duration::from_secs(60);

impl Controller {
    /// Reconciles the tasks that are due.
    pub(super) fn reconcile_due(&mut self) {
        if !self.is_listed() {
            return;
        }
        for key in std::mem::take(&mut self.due) {
            self.reconcile(&key);
        }
    }

    fn reconcile(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if !tracked.is_ready(Instant::now()) {
            return;
        }
        if tracked.recorded.is_none() {
            if !self.stopping {
                tracked.busy = true;
                self.source.send(Request::State(key.clone(), Purpose::Reconcile));
            }
        } else if tracked.deleted {
            self.reconcile_deleted(key);
        } else if tracked.workload.is_some() {
            self.reconcile_workload(key);
        } else {
            self.reconcile_unlaunched(key);
        }
    }

    /// A task without a Pod.
    fn reconcile_unlaunched(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if tracked.has_ended() {
            self.tracked.remove(key);
            return;
        }
        let withdrawn = tracked.withdrawn.then(Verdict::withdrawn);
        if let Some(verdict) = tracked.verdict.clone().or(withdrawn) {
            self.record_end(key, verdict);
        } else if let Some(message) = tracked.delayed.clone().filter(|_| tracked.delayed != tracked.recorded_message) {
            self.record(key, Record::waiting(message.into()));
        }
    }

    /// A task with a Pod.
    fn reconcile_workload(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        let (Some(workload), Some(state)) = (tracked.workload.clone(), tracked.pod_state()) else { return };
        if tracked.recorded == Some(TaskState::Waiting) {
            return self.record(key, Record::launched(&workload.namespace, &workload.name));
        }
        let terminated = self.has_terminated(tracked, &workload);
        if !tracked.has_ended() {
            return self.record_progress(key, &workload, &state, terminated);
        }
        let keep = if tracked.withdrawn { Duration::ZERO } else { self.keep_time(&workload, &state) };
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        let now = Instant::now();
        let delete_at = *tracked.delete_at.get_or_insert(now + keep);
        if self.stopping {
            return;
        }
        if workload.deletion.is_some() && workload.has_finalizer && terminated {
            // What a watch event says may be older than what we have done.
            let run = !tracked.post_deleted;
            self.start(key, Job::PostDelete { workload, run, release: true });
        } else if workload.deletion.is_none() && !tracked.delete_requested && delete_at <= now {
            self.start(key, Job::Delete { workload });
        }
    }

    /// Whether nothing of the workload can run any more.
    fn has_terminated(&self, tracked: &Tracked, workload: &Workload) -> bool {
        // A Job's Pod may run longer than the Job.
        let pod_runs = matches!(&tracked.job_pod, Some(state) if !state.has_terminated());
        let is_job = workload.kind == Kind::Job;
        let overdue = if is_job { JOB_OVERDUE } else { OVERDUE };
        workload.terminated && !(is_job && pod_runs) || workload.deletion.is_some_and(|at| self.is_overdue(at, overdue))
    }

    /// Records what is new about a launched task that hasn't ended.
    fn record_progress(&mut self, key: &SmolStr, workload: &Workload, state: &PodState, terminated: bool) {
        let Some(tracked) = self.tracked.get(key) else { return };
        let pending = pending(state);
        let unrecoverable = |reason: &str| self.settings.unrecoverable.iter().any(|word| word == reason);
        let verdict = match (&pending, Verdict::of_pod(state)) {
            (_, Some(verdict)) => Some(verdict),
            _ if tracked.withdrawn => Some(Verdict::withdrawn()),
            (Some((reason, message)), None) if unrecoverable(reason) => Some(Verdict::unrecoverable(reason, message)),
            _ if workload.deletion.is_some() && terminated => Some(Verdict::pod_deleted()),
            _ => None,
        };
        if let Some(verdict) = verdict {
            return self.record_end(key, verdict);
        }
        match pending {
            Some((_, message)) if tracked.recorded_message.as_deref() != Some(&*shortened(&*message, MAX_MESSAGE)) => {
                self.record(key, Record::waiting(shortened(&*message, MAX_MESSAGE)));
            }
            None if tracked.recorded < Some(TaskState::Running) => self.record(key, Record::running()),
            _ => {}
        }
    }

    /// A task whose Pod was deleted.
    fn reconcile_deleted(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        if !tracked.has_ended() {
            let of_pod = tracked.pod_state().as_ref().and_then(Verdict::of_pod);
            let other = || if tracked.withdrawn { Verdict::withdrawn() } else { Verdict::pod_deleted() };
            return self.record_end(key, of_pod.unwrap_or_else(other));
        }
        if let Some(workload) = &tracked.workload {
            let run = self.launcher.commands.post_delete.is_some() && !tracked.post_deleted;
            let remove = !tracked.companions_removed && workload.companions.is_some();
            if self.stopping && (run || remove) {
                return;
            }
            let workload = workload.clone();
            if run {
                return self.start(key, Job::PostDelete { workload, run: true, release: false });
            }
            if remove {
                return self.start(key, Job::RemoveCompanions { workload });
            }
        }
        if let Some(Tracked { workload: Some(workload), .. }) = self.tracked.remove(key) {
            self.once.forget(&workload.uid);
        }
        if let Some(successor) = self.successors.remove(key) {
            self.track(successor);
        }
    }

    /// Records an end.
    fn record_end(&mut self, key: &SmolStr, verdict: Verdict) {
        let Verdict { end, reason, message } = verdict;
        self.record(key, Record::ended(end, reason, shortened(&message, MAX_MESSAGE)));
    }

    /// Has the source record something; the task is busy until the source answers.
    pub(super) fn record(&mut self, key: &SmolStr, record: Record) {
        if let Some(tracked) = self.tracked.get_mut(key) {
            tracked.busy = true;
            self.source.send(Request::Record(key.clone(), Box::new(record)));
        }
    }

    /// How long a workload is kept from now on: the rest of the time since it terminated, or nothing if it hasn't.
    fn keep_time(&self, workload: &Workload, state: &PodState) -> Duration {
        if !state.has_terminated() {
            return Duration::ZERO;
        }
        let Some(finished) = workload.finished else { return self.settings.keep_finished };
        let now = jiff::Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        let since = Duration::try_from(now.duration_since(finished)).unwrap_or_default();
        self.settings.keep_finished.saturating_sub(since)
    }

    /// Whether a time of the server's clock is past by more than `by`.
    fn is_overdue(&self, at: jiff::Timestamp, by: Duration) -> bool {
        let now = jiff::Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        Duration::try_from(now.duration_since(at)).is_ok_and(|since| since > by)
    }
}

//! What the controller knows about one task. All of it can be rebuilt from the cluster and the task source.

use crate::task_source::{End, Record, Task, TaskState};
use crate::workload::Workload;
use podrules_cluster::PodState;
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// How a task ends, before that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub end: End,
    /// In one word; empty if the task completed.
    pub reason: String,
    /// For people, may have several lines.
    pub message: String,
}

/// A task that was dispatched or has a Pod.
#[derive(Debug)]
pub struct Tracked {
    /// The name of its queue; empty if unknown.
    pub queue: SmolStr,
    /// The task itself, until its Pod was created.
    pub task: Option<Task>,
    /// Its Pod or Job, as last observed.
    pub workload: Option<Workload>,
    /// The state of its Job's Pod.
    pub job_pod: Option<PodState>,
    /// Whether the workload was deleted. What is left to do is done before the task is forgotten.
    pub deleted: bool,
    /// When the workload was last observed.
    pub observed: Instant,
    /// How the task ends, if its launch failed.
    pub verdict: Option<Verdict>,
    /// Why its launch is delayed.
    pub delayed: Option<Box<str>>,
    /// Whether the pre-apply command has run.
    pub pre_applied: bool,
    /// Whether a job, or a request to the task source, is under way for it: one thing at a time.
    pub busy: bool,
    /// When a failed step may be retried.
    pub not_before: Option<Instant>,
    /// How often in a row a step failed.
    pub attempts: u32,
    /// Since when its launch is tried.
    pub since: Instant,
    /// What the source has recorded; `None` until it was asked about a Pod that this process hasn't launched.
    pub recorded: Option<TaskState>,
    /// The message of the last `waiting` that was recorded.
    pub recorded_message: Option<Box<str>>,
    /// Whether its owner withdrew it.
    pub withdrawn: bool,
    /// When its workload is to be deleted.
    pub delete_at: Option<Instant>,
    /// Whether the deletion was requested.
    pub delete_requested: bool,
    /// Whether the post-delete command has run.
    pub post_deleted: bool,
    /// Whether its companions with `lifetime: task` were removed.
    pub companions_removed: bool,
}

/// Characters of a recorded message.
pub const MAX_MESSAGE: usize = 16 << 10;
/// The first delay before a retry, and the longest.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(60);

impl Tracked {
    /// A task about which the source has recorded this.
    pub fn new(queue: SmolStr, recorded: Option<TaskState>) -> Self {
        Tracked {
            queue,
            task: None,
            workload: None,
            job_pod: None,
            deleted: false,
            observed: Instant::now(),
            verdict: None,
            delayed: None,
            pre_applied: false,
            busy: false,
            not_before: None,
            attempts: 0,
            since: Instant::now(),
            recorded,
            recorded_message: None,
            withdrawn: false,
            delete_at: None,
            delete_requested: false,
            post_deleted: false,
            companions_removed: false,
        }
    }

    /// Whether it counts against the limits: it is being launched, or its Pod has not terminated.
    pub fn takes_place(&self) -> bool {
        match self.pod_state() {
            Some(state) => !self.deleted && !state.has_terminated(),
            None => self.task.is_some(),
        }
    }

    /// Whether it waits to be launched, for the first time or again.
    pub fn awaits_launch(&self) -> bool {
        let launchable = self.task.is_some() && self.workload.is_none() && !self.deleted;
        launchable && !self.busy && self.verdict.is_none() && !self.withdrawn
    }

    /// The state of its Pod. A Job's Pod knows more than the Job, except about the end.
    pub fn pod_state(&self) -> Option<PodState> {
        let own = &self.workload.as_ref()?.state;
        Some(match (own, &self.job_pod) {
            // The Pod knows why.
            (PodState::Failed { .. }, Some(failed @ PodState::Failed { .. })) => failed.clone(),
            (own, Some(pod)) if !own.has_terminated() && !pod.has_terminated() => pod.clone(),
            // A Job may start another Pod after one has terminated.
            _ => own.clone(),
        })
    }

    /// Whether its end is recorded.
    pub fn has_ended(&self) -> bool {
        self.recorded.is_some_and(TaskState::has_ended)
    }

    /// Whether the next step may be taken now.
    pub fn is_ready(&self, now: Instant) -> bool {
        !self.busy && self.not_before.is_none_or(|at| at <= now)
    }

    /// A step failed: it is retried after a delay that doubles, with jitter.
    pub fn back_off(&mut self) {
        let jitter = f64::from(fastrand::u16(..)) / f64::from(u16::MAX);
        let full = FIRST_DELAY.saturating_mul(1 << self.attempts.min(6)).min(MAX_DELAY);
        self.not_before = Some(Instant::now() + full.mul_f64(0.5 + jitter / 2.0));
        self.attempts = self.attempts.saturating_add(1);
    }

    /// A step succeeded.
    pub fn reset_backoff(&mut self) {
        self.not_before = None;
        self.attempts = 0;
    }

    /// Takes over what was recorded.
    pub fn was_recorded(&mut self, record: &Record) {
        if record.state == TaskState::Waiting {
            self.recorded_message = Some(record.message.as_str().into());
        }
        self.recorded = self.recorded.max(Some(record.state));
    }
}

impl Verdict {
    /// The task was withdrawn before it ended.
    pub fn withdrawn() -> Self {
        let message = "the task was withdrawn".to_owned();
        Verdict { end: End::Aborted, reason: "Aborted".to_owned(), message }
    }

    /// Somebody deleted the Pod.
    pub fn pod_deleted() -> Self {
        let message = "its Pod was deleted before it terminated".to_owned();
        Verdict { end: End::Failed, reason: "PodDeleted".to_owned(), message }
    }

    /// The Pod waits for a reason that the settings call unrecoverable.
    pub fn unrecoverable(reason: &str, message: &str) -> Self {
        Verdict { end: End::Failed, reason: reason.to_owned(), message: message.to_owned() }
    }

    /// The verdict that a terminated Pod gives.
    pub fn of_pod(state: &PodState) -> Option<Self> {
        match state {
            PodState::Succeeded => Some(Verdict { end: End::Completed, reason: String::new(), message: String::new() }),
            PodState::Failed { reason, message } => {
                Some(Verdict { end: End::Failed, reason: reason.to_string(), message: message.clone() })
            }
            _ => None,
        }
    }
}

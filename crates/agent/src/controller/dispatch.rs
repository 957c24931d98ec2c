//! Dispatch: takes tasks from the source as far as there is room, launches them, and takes the results.

use super::Controller;
use super::jobs::Job;
use super::tracked::{MAX_MESSAGE, Tracked, Verdict};
use crate::events::Notice;
use crate::launch::{LaunchResult, Refused};
use crate::task_source::service::{Request, Single};
use crate::task_source::{End, Record, Room, SourceFault, Task, TaskState};
use crate::workload::Kind;
use podrules::diagnostic::render::printable_line;
use podrules::text::shortened;
use podrules_cluster::Retry;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Tasks that may wait for another launch, per launch that may be under way: with more of them no new tasks are taken.
const WAITING_PER_LAUNCH: usize = 8;
/// How long a launch is retried.
const RETRY_FOR: Duration = Duration::from_secs(24 * 3600);

impl Controller {
    /// Starts launches as long as there is room, and asks the source for more tasks.
    pub(super) fn dispatch(&mut self) {
        // Some more than may be at the cluster at once, so that the next are rendered by then.
        let most = self.settings.concurrency + self.settings.concurrency.div_ceil(4);
        let mut free = most.saturating_sub(self.launching + self.requested);
        if free == 0 || !self.source_has_more || !self.may_launch() {
            return;
        }
        let now = Instant::now();
        let waiting = self.tracked.values().filter(|tracked| tracked.awaits_launch()).count();
        if waiting > 0 {
            let ready = self.tracked.iter().filter(|(_, tracked)| tracked.awaits_launch() && tracked.is_ready(now));
            for key in ready.map(|(key, _)| key.clone()).take(free).collect::<Vec<_>>() {
                self.launch(&key);
                free -= 1;
            }
        }
        let enough = free == 0 || waiting > self.settings.concurrency * WAITING_PER_LAUNCH;
        if enough || self.source.is_asked(Single::Next) {
            return;
        }
        let room = self.room(free);
        if room.all == 0 {
            self.source_has_more = false;
            return;
        }
        self.requested = room.all;
        self.source.send(Request::Next(room));
    }

    /// Whether launches may begin: all Pods are known, and records can be written.
    fn may_launch(&self) -> bool {
        let recordable = !self.source_faults.contains_key("record") && !self.source_faults.contains_key("withdrawn");
        let watched = self.is_listed() && self.found_lost && self.watch_failure.is_none();
        recordable && watched && !self.stopping && self.source_silence().is_none()
    }

    /// Takes tasks from the source.
    pub(super) fn tasks_handed_out(&mut self, asked: usize, result: Result<Vec<Task>, SourceFault>) {
        self.requested = 0;
        let tasks = self.note("next", result).unwrap_or_default();
        self.source_has_more = tasks.len() == asked;
        let may_launch = self.may_launch();
        for task in tasks {
            let key = SmolStr::from(task.key());
            match self.tracked.get_mut(&key) {
                None => {
                    let mut tracked = Tracked::new(task.queue.as_str().into(), Some(TaskState::Waiting));
                    tracked.task = Some(task);
                    self.tracked.insert(key.clone(), tracked);
                    // If it may not be launched now, it waits for a later dispatch.
                    if may_launch {
                        self.launch(&key);
                    }
                }
                // It was launched by a process that ended before it could record that.
                Some(tracked) if !tracked.has_ended() && tracked.workload.is_some() && !tracked.deleted => {
                    tracked.queue = task.queue.as_str().into();
                    tracked.recorded = Some(TaskState::Waiting);
                    self.due.insert(key);
                }
                // It is to run again, but its previous Pod still exists.
                Some(tracked) => {
                    tracked.delete_at = Some(Instant::now());
                    self.due.insert(key.clone());
                    self.source.send(Request::Requeue(key));
                }
            }
        }
    }

    fn launch(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        let (Some(task), pre_applied) = (tracked.task.clone(), tracked.pre_applied) else { return };
        self.launching += 1;
        self.start(key, Job::Launch { task: Box::new(task), pre_applied });
    }

    /// How many tasks may be launched now: at most `free`, within the limits of Pods.
    fn room(&self, free: usize) -> Room {
        let (most, each) = (self.settings.max_pods, self.settings.max_pods_per_queue);
        if most.is_none() && each.is_none() {
            return Room { all: free, queues: HashMap::new(), each: None };
        }
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for tracked in self.tracked.values().filter(|tracked| tracked.takes_place()) {
            *taken.entry(&tracked.queue).or_default() += 1;
        }
        let all = most.map_or(free, |most| most.saturating_sub(taken.values().sum()).min(free));
        let left = each.map(|each| {
            let queues = taken.iter().map(|(queue, taken)| ((*queue).to_owned(), each.saturating_sub(*taken)));
            queues.collect()
        });
        Room { all, queues: left.unwrap_or_default(), each }
    }

    /// Takes the result of a launch.
    pub(super) fn launched(&mut self, key: &SmolStr, result: LaunchResult) {
        self.launching = self.launching.saturating_sub(1);
        self.source_has_more = true;
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = false;
        self.due.insert(key.clone());
        match result {
            LaunchResult::Launched { namespace, name, uid, new, applied } => {
                tracked.reset_backoff();
                tracked.task = None;
                tracked.delayed = None;
                let kind = self.settings.scope.kinds.last().copied().unwrap_or(Kind::Pod);
                tracing::info!(
                    task = %printable_line(key), queue = %printable_line(&tracked.queue), pod = %name, %namespace,
                    rules = applied.len(), "{}", if new { "launched" } else { "already launched" }
                );
                // The watch may be faster than the response.
                if tracked.workload.is_none() {
                    let (namespace, name, uid) = (namespace.clone(), name.clone(), uid.clone());
                    tracked.observed = Instant::now();
                    let created = self.launcher.placeholder(kind, key, &tracked.queue, namespace, name, uid);
                    tracked.workload = Some(created);
                }
                if new && !applied.is_empty() {
                    self.notify(Notice { kind, namespace, name, uid, rules: applied });
                }
            }
            LaunchResult::Refused(refused) => {
                let Refused { reason, message, failed } = *refused;
                self.launcher.metrics.launch_failed(&tracked.queue, &reason);
                tracing::error!(task = %printable_line(key), reason = %printable_line(&reason), "launch failed: {}", printable_line(message.trim_end()));
                tracked.verdict = Some(Verdict { end: End::Failed, reason, message });
                for rule in failed {
                    self.launcher.metrics.rule(&rule, false);
                }
            }
            LaunchResult::Delayed { message, .. } if tracked.since.elapsed() > RETRY_FOR => {
                let message = format!("not launched within a day: {message}");
                tracked.verdict = Some(Verdict { end: End::Failed, reason: "NotLaunched".to_owned(), message });
            }
            LaunchResult::Delayed { retry, message, pre_applied } => {
                tracked.pre_applied = pre_applied;
                tracked.back_off();
                let message = shortened(&message, MAX_MESSAGE);
                let new = tracked.recorded_message.as_deref() != Some(&message);
                if new && retry != Retry::BeingRemoved {
                    tracing::warn!(task = %printable_line(key), "launch delayed: {message}");
                    tracked.delayed = Some(message.as_str().into());
                    self.record(key, Record::waiting(message));
                }
            }
        }
    }

    /// Has an Event written on a Pod, when there is time for it.
    fn notify(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            self.launcher.metrics.events_dropped();
        }
    }
}

//! What is known of one task → the next thing to do for it. The order is what makes it safe to be killed at any moment: the
//! source is told of an end before the Pod is deleted, and a Pod is let go only when the command after its deletion has run.

use super::Control;
use super::jobs::Job;
use super::tracked::{Told, Tracked};
use crate::launch::{Launched, Refused};
use crate::source::{End, Report, TaskSource};
use crate::steps::reached;
use crate::unit::{Condition, Kind, Unit};
use podrules::diagnostic::render::printable_line;
use podrules::text::shortened;
use podrules_cluster::Retry;
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// How long a launch is tried for a reason that may pass.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How long after its time a Pod that doesn't go counts as one that runs no more.
const OVERDUE: Duration = Duration::from_secs(5);
/// The same of a Job, whose deletion gives no time for its Pod's end.
const JOB_OVERDUE: Duration = Duration::from_secs(60);
/// Characters of a message.
const LONGEST: usize = 16 << 10;

impl<S: TaskSource> Control<S> {
    /// Settles what is due.
    pub(super) async fn settle_due(&mut self) {
        if !self.is_synced() {
            return;
        }
        if !self.looked_for_lost {
            self.find_lost().await;
        }
        for key in std::mem::take(&mut self.due) {
            self.settle(&key).await;
        }
    }

    async fn settle(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        if !tracked.ready(Instant::now()) {
            return;
        }
        if tracked.gone {
            self.settle_gone(key).await;
        } else if tracked.unit.is_some() {
            self.settle_there(key).await;
        } else {
            self.settle_waiting(key).await;
        }
    }

    /// A task without a Pod.
    async fn settle_waiting(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if tracked.unwanted && tracked.verdict.is_none() {
            tracked.verdict = Some(unwanted());
        }
        let Some((end, reason, message)) = tracked.verdict.clone() else { return };
        if self.end(key, end, &reason, &message).await {
            self.tracked.remove(key);
        }
    }

    /// A task with a Pod.
    async fn settle_there(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        let (Some(unit), Some(condition)) = (tracked.unit.clone(), tracked.condition()) else { return };
        let runs_on = tracked.inner.clone();
        if tracked.told == Told::Nothing {
            let launched = Report::Launched { namespace: unit.namespace.to_string(), pod: unit.name.to_string() };
            if !self.tell(key, &launched, Told::Launched).await {
                return;
            }
            reached("launch-recorded");
        }
        // Of a Job its Pod may still run.
        let runs = matches!(&runs_on, Some(inner) if !matches!(inner, Condition::Ended { .. }));
        let overdue = if unit.kind == Kind::Job { JOB_OVERDUE } else { OVERDUE };
        let still = unit.still && !(unit.kind == Kind::Job && runs)
            || unit.deleting.is_some_and(|at| self.is_overdue(at, overdue));
        if self.tracked.get(key).is_some_and(|tracked| tracked.told < Told::Ended)
            && !self.judge(key, &unit, &condition, still).await
        {
            return;
        }
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if tracked.told != Told::Ended {
            return;
        }
        if unit.deleting.is_some() && unit.held && still {
            // What a watch tells may be older than what we have done.
            let run = !tracked.commanded;
            self.start(key, Job::PostDelete { unit, run, release: true });
        } else if unit.deleting.is_none()
            && !tracked.deleted
            && tracked.delete_at.is_some_and(|at| at <= Instant::now())
        {
            self.start(key, Job::Delete { unit });
        }
    }

    /// Tells the source what is new; false if it doesn't take it now.
    async fn judge(&mut self, key: &SmolStr, unit: &Unit, condition: &Condition, still: bool) -> bool {
        let Some(tracked) = self.tracked.get_mut(key) else { return false };
        let (verdict, at_once) = match condition {
            Condition::Ended { end, reason, message, .. } => {
                (Some((*end, reason.to_string(), message.to_string())), false)
            }
            _ if tracked.unwanted => (Some(unwanted()), true),
            Condition::Waiting { reason, message } if self.settings.hopeless.iter().any(|word| word == reason) => {
                (Some((End::Failed, reason.to_string(), message.to_string())), true)
            }
            _ if unit.deleting.is_some() && still => (Some(pod_deleted()), true),
            _ => (None, false),
        };
        if let Some((end, reason, message)) = verdict {
            let left = if at_once { Duration::ZERO } else { self.keeps(condition) };
            if !self.end(key, end, &reason, &message).await {
                return false;
            }
            reached("end-recorded");
            if let Some(tracked) = self.tracked.get_mut(key) {
                tracked.delete_at = Some(Instant::now() + left);
                self.due.insert(key.clone());
            }
            return true;
        }
        match condition {
            Condition::Running if tracked.told < Told::Running => self.tell(key, &Report::Running, Told::Running).await,
            Condition::Waiting { message, .. } if tracked.said.as_ref() != Some(message) => {
                let message = message.clone();
                let report = Report::Waiting { message: short(&message) };
                if !self.tell(key, &report, Told::Launched).await {
                    return false;
                }
                if let Some(tracked) = self.tracked.get_mut(key) {
                    tracked.said = Some(message);
                }
                true
            }
            _ => true,
        }
    }

    /// A task whose Pod has gone.
    async fn settle_gone(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        if tracked.told != Told::Ended {
            let (end, reason, message) = match (tracked.condition(), tracked.unwanted) {
                (Some(Condition::Ended { end, reason, message, .. }), _) => {
                    (end, reason.to_string(), message.to_string())
                }
                (_, true) => unwanted(),
                _ => pod_deleted(),
            };
            if !self.end(key, end, &reason, &message).await {
                return;
            }
        }
        let Some(tracked) = self.tracked.get(key) else { return };
        if let Some(unit) = &tracked.unit {
            if self.launcher.commands.post_delete.is_some() && !tracked.commanded {
                let unit = unit.clone();
                return self.start(key, Job::PostDelete { unit, run: true, release: false });
            }
            if !tracked.cleaned && unit.companions.is_some() {
                let unit = unit.clone();
                return self.start(key, Job::Clean { unit });
            }
        }
        if let Some(Tracked { unit: Some(unit), .. }) = self.tracked.remove(key) {
            self.once.forget(&unit.uid);
        }
        if let Some(unit) = self.later.remove(key) {
            Box::pin(self.meet(unit)).await;
        }
    }

    /// Takes the result of a launch.
    pub(super) async fn launched(&mut self, key: &SmolStr, launched: Launched) {
        self.launching = self.launching.saturating_sub(1);
        self.hungry = true;
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = false;
        self.due.insert(key.clone());
        match launched {
            Launched::Done { namespace, name, uid, new, applied } => {
                tracked.worked();
                tracked.task = None;
                let kind = self.settings.scope.kinds.last().copied().unwrap_or(Kind::Pod);
                tracing::info!(
                    task = %printable_line(key), queue = %printable_line(&tracked.queue), pod = %name, %namespace,
                    rules = applied.len(), "{}", if new { "launched" } else { "was launched already" }
                );
                if new && !applied.is_empty() {
                    self.notify(kind, &namespace, &name, &uid, applied);
                }
                let Some(tracked) = self.tracked.get_mut(key) else { return };
                // The watch may be quicker than the answer.
                if tracked.unit.is_none() {
                    tracked.seen = Instant::now();
                    tracked.unit = Some(self.launcher.placeholder(kind, key, &tracked.queue, namespace, name, uid));
                }
            }
            Launched::Refused(refused) => {
                let Refused { reason, message, failed } = *refused;
                self.launcher.metrics.launch_failed(&tracked.queue, &reason);
                tracing::error!(task = %printable_line(key), reason = %printable_line(&reason), "can't be launched: {}", printable_line(message.trim_end()));
                tracked.verdict = Some((End::Failed, reason, short(&message)));
                for rule in failed {
                    self.launcher.metrics.rule(&rule, false);
                }
            }
            Launched::Later { message, .. } if tracked.since.elapsed() > PATIENCE => {
                let message = format!("it could not be launched for a day: {message}");
                tracked.verdict = Some((End::Failed, "NotLaunched".to_owned(), message));
            }
            Launched::Later { retry, message, prepared } => {
                tracked.prepared = prepared;
                tracked.pause();
                let new = tracked.said.as_deref() != Some(&message);
                if new && retry != Retry::BeingRemoved {
                    tracing::warn!(task = %printable_line(key), "can't be launched now: {message}");
                    let report = Report::Waiting { message: short(&message) };
                    let told = self.source.report(key, &report).await;
                    self.note("report", told);
                    if let Some(tracked) = self.tracked.get_mut(key) {
                        tracked.said = Some(message.into());
                    }
                }
            }
        }
    }

    /// Records an end; false if the source doesn't take it now.
    async fn end(&mut self, key: &SmolStr, end: End, reason: &str, message: &str) -> bool {
        let report = Report::Ended { end, reason: reason.to_owned(), message: short(message) };
        if !self.tell(key, &report, Told::Ended).await {
            return false;
        }
        if let Some(tracked) = self.tracked.get(key) {
            self.launcher.metrics.ended(&tracked.queue, end.word());
            // The rest stands with the task.
            let message = message.lines().next().unwrap_or_default();
            tracing::info!(
                task = %printable_line(key), queue = %printable_line(&tracked.queue), reason = %printable_line(reason),
                "{}{}{}", end.word(), if message.is_empty() { "" } else { ": " }, printable_line(message)
            );
        }
        true
    }

    /// Records something; false if the source doesn't take it now.
    async fn tell(&mut self, key: &SmolStr, report: &Report, told: Told) -> bool {
        let answer = self.source.report(key, report).await;
        let taken = self.note("report", answer).is_some();
        if let Some(tracked) = self.tracked.get_mut(key) {
            if taken {
                tracked.told = tracked.told.max(told);
                tracked.worked();
            } else {
                tracked.pause();
            }
        }
        taken
    }

    /// Whether a time by the server's clock is well past.
    fn is_overdue(&self, at: jiff::Timestamp, by: Duration) -> bool {
        let now = jiff::Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        Duration::try_from(now.duration_since(at)).is_ok_and(|since| since > by)
    }
}

fn unwanted() -> (End, String, String) {
    (End::Aborted, "Aborted".to_owned(), "nobody wants the task any more".to_owned())
}

fn pod_deleted() -> (End, String, String) {
    (End::Failed, "PodDeleted".to_owned(), "its Pod was deleted before it had ended".to_owned())
}

/// A message within bounds.
fn short(message: &str) -> String {
    shortened(message, LONGEST)
}

//! Answers of the task source → what the controller knows.

use super::Controller;
use super::tracked::Tracked;
use crate::steps::reached;
use crate::task_source::service::{Answer, Purpose, Request, Single};
use crate::task_source::{Record, SourceFault, TaskState};
use podrules::diagnostic::render::printable_line;
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// For how long an answer may be outstanding before readiness says so.
const UNANSWERED: Duration = Duration::from_secs(10);

impl Controller {
    /// Takes an answer.
    pub(super) fn answered(&mut self, answer: Answer) {
        self.source.answered(&answer);
        match answer {
            Answer::Next { asked, result } => self.tasks_handed_out(asked, result),
            Answer::Withdrawn { result, waiting } => {
                self.launcher.metrics.waiting(&waiting);
                self.withdrawn(result);
            }
            Answer::Recorded(key, record, result) => self.recorded(&key, &record, result),
            Answer::State(key, Purpose::Reconcile, result) => self.task_state(&key, result),
            Answer::State(_, Purpose::Collect, result) => {
                let state = self.note("state", result);
                self.companion_task_state(state);
            }
            Answer::Launched(result) => self.lost_found(result),
        }
    }

    /// Asks which tasks were launched, to find those whose Pod was deleted while no process watched.
    pub(super) fn find_lost(&mut self) {
        if self.is_listed() && !self.found_lost && !self.source.is_asked(Single::Launched) {
            self.source.send(Request::Launched);
        }
    }

    /// Asks which tasks were withdrawn.
    pub(super) fn ask_withdrawn(&mut self) {
        if self.is_listed() && !self.stopping && !self.source.is_asked(Single::Withdrawn) {
            self.source.send(Request::Withdrawn);
        }
    }

    /// For how long the source hasn't answered, if that is too long.
    pub(super) fn source_silence(&self) -> Option<Duration> {
        self.source.silence().filter(|silence| *silence > UNANSWERED)
    }

    /// Takes note of whether the source works, and logs when that changes.
    pub(super) fn note<T>(&mut self, asked: &'static str, answer: Result<T, SourceFault>) -> Option<T> {
        match answer {
            Ok(value) => {
                if self.source_faults.remove(asked).is_some() {
                    tracing::info!(asked, "task source recovered");
                }
                Some(value)
            }
            Err(SourceFault(why)) => {
                self.launcher.metrics.source_faults();
                if self.source_faults.get(asked) != Some(&why) {
                    tracing::error!(asked, "task source failed: {}", printable_line(&why));
                }
                self.source_faults.insert(asked, why);
                None
            }
        }
    }

    fn lost_found(&mut self, result: Result<Vec<String>, SourceFault>) {
        let Some(launched) = self.note("launched", result) else { return };
        self.found_lost = true;
        for key in launched.into_iter().map(SmolStr::from).filter(|key| !key.is_empty()) {
            if !self.tracked.contains_key(&key) {
                let mut tracked = Tracked::new(SmolStr::default(), Some(TaskState::Launched));
                tracked.deleted = true;
                self.tracked.insert(key.clone(), tracked);
                self.due.insert(key);
            }
        }
    }

    fn withdrawn(&mut self, result: Result<Vec<String>, SourceFault>) {
        for key in self.note("withdrawn", result).unwrap_or_default().into_iter().map(SmolStr::from) {
            tracing::info!(task = %printable_line(&key), "task withdrawn, aborting");
            let unknown = || Tracked::new(SmolStr::default(), Some(TaskState::Waiting));
            let tracked = self.tracked.entry(key.clone()).or_insert_with(unknown);
            tracked.withdrawn = true;
            // If it has ended, nobody needs its Pod any more.
            if tracked.has_ended() {
                tracked.delete_at = Some(Instant::now());
            }
            self.due.insert(key);
        }
    }

    fn task_state(&mut self, key: &SmolStr, result: Result<Option<TaskState>, SourceFault>) {
        let state = self.note("state", result);
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = false;
        self.due.insert(key.clone());
        match state {
            Some(state) => {
                tracked.reset_backoff();
                // A task that the source doesn't know ends like any other; the source ignores what is recorded about it.
                tracked.recorded = tracked.recorded.or(state).or(Some(TaskState::Launched));
            }
            None => tracked.back_off(),
        }
    }

    fn recorded(&mut self, key: &SmolStr, record: &Record, result: Result<(), SourceFault>) {
        let stored = self.note("record", result).is_some();
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = false;
        self.due.insert(key.clone());
        if !stored {
            tracked.back_off();
            return;
        }
        tracked.was_recorded(record);
        let exists = tracked.workload.is_some() && !tracked.deleted;
        // A delayed launch goes on to wait.
        if record.state != TaskState::Waiting || exists {
            tracked.reset_backoff();
        }
        match record.state {
            TaskState::Launched => reached("launch-recorded"),
            TaskState::Ended(_) => {
                self.log_end(key, record);
                if exists {
                    reached("end-recorded");
                }
            }
            TaskState::Waiting | TaskState::Running => {}
        }
    }

    fn log_end(&self, key: &SmolStr, record: &Record) {
        let Some(tracked) = self.tracked.get(key) else { return };
        self.launcher.metrics.ended(&tracked.queue, record.state.word());
        // The other lines are in the record.
        let message = record.message.lines().next().unwrap_or_default();
        tracing::info!(
            task = %printable_line(key), queue = %printable_line(&tracked.queue), reason = %printable_line(&record.reason),
            "{}{}{}", record.state.word(), if message.is_empty() { "" } else { ": " }, printable_line(message)
        );
    }
}

//! The task source: where tasks come from, and where their states are recorded.
//!
//! A task source remembers tasks, as the cluster remembers Pods. It must guarantee:
//!
//! - A task that was handed out, and about which nothing was recorded, is handed out again after a restart.
//! - The record of an end is stored before the call returns, so that no Pod is deleted whose end isn't recorded. Other records
//!   may be stored a moment later: until then the Pod itself is the evidence.
//! - A record may come twice, and again after a restart: the second one changes nothing.
//!
//! Tasks are identified by their *key*, the value of the Pod's label `podrules.io/task-id`: the id itself or, for an id that isn't
//! a valid label value, what [`label_value`](podrules::pod::names::label_value) makes from it.
//!
//! ```text
//! service   a source in a task of its own, so that the controller never waits for it
//! ```

pub(crate) mod service;

use podrules::pod::names::label_value;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::time::Instant;

/// A task to launch.
#[derive(Debug, Clone)]
pub struct Task {
    /// ClearML's id of the task.
    pub id: String,
    /// The name of the queue that it was taken from.
    pub queue: String,
    /// The task, as `tasks.get_by_id` returns it.
    pub value: Value,
    /// When the source first saw it.
    pub seen: Instant,
}

impl Task {
    /// The value of the label `podrules.io/task-id` for this task.
    pub fn key(&self) -> String {
        label_value(&self.id)
    }
}

/// How many tasks may be launched now.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// In total.
    pub all: usize,
    /// Per queue, for the queues that have a number of their own.
    pub queues: HashMap<String, usize>,
    /// For each other queue; `None` if there is no limit.
    pub each: Option<usize>,
}

impl Room {
    /// Whether a task of the queue may be launched.
    pub fn has(&self, queue: &str) -> bool {
        self.all > 0 && self.queues.get(queue).copied().or(self.each).is_none_or(|left| left > 0)
    }

    /// Takes one place for a task of the queue; false if there is none.
    pub fn take(&mut self, queue: &str) -> bool {
        if !self.has(queue) {
            return false;
        }
        self.all -= 1;
        if let Some(left) = self.queues.get(queue).copied().or(self.each) {
            self.queues.insert(queue.to_owned(), left - 1);
        }
        true
    }
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Its Pod succeeded.
    Completed,
    /// It couldn't be launched, or its Pod failed.
    Failed,
    /// It was withdrawn.
    Aborted,
}

/// How far a task has come, in the order in which it goes through the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// It has no Pod that is known. As a [`Record`] of a launched task: its Pod is pending.
    Waiting,
    /// Its Pod was created.
    Launched,
    /// Its Pod runs.
    Running,
    /// It is over. This is final: nothing recorded later changes it.
    Ended(End),
}

impl TaskState {
    /// The word for it in status files and metrics.
    pub fn word(self) -> &'static str {
        match self {
            TaskState::Waiting => "waiting",
            TaskState::Launched => "launched",
            TaskState::Running => "running",
            TaskState::Ended(End::Completed) => "completed",
            TaskState::Ended(End::Failed) => "failed",
            TaskState::Ended(End::Aborted) => "aborted",
        }
    }

    /// The state that [`word`](TaskState::word) writes so.
    pub fn from_word(word: &str) -> Option<Self> {
        let ends = [End::Completed, End::Failed, End::Aborted].map(TaskState::Ended);
        let all = [TaskState::Waiting, TaskState::Launched, TaskState::Running].into_iter().chain(ends);
        all.into_iter().find(|state| state.word() == word)
    }

    /// Whether the task is over.
    pub fn has_ended(self) -> bool {
        matches!(self, TaskState::Ended(_))
    }
}

/// What the agent records about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The state that the task is in now.
    pub state: TaskState,
    /// Why it ended, in one word, such as `OOMKilled`, `Evicted` or `RuleFailed`; empty if it completed or goes on.
    pub reason: String,
    /// What it waits for, or why it failed, for people; may have several lines.
    pub message: String,
    /// The Pod's namespace and name, in a record of the launch.
    pub pod: Option<(String, String)>,
}

impl Record {
    /// The task's Pod was created.
    pub fn launched(namespace: &str, pod: &str) -> Self {
        let pod = Some((namespace.to_owned(), pod.to_owned()));
        Record { state: TaskState::Launched, reason: String::new(), message: String::new(), pod }
    }

    /// What the launch, or the Pod, waits for.
    pub fn waiting(message: String) -> Self {
        Record { state: TaskState::Waiting, reason: String::new(), message, pod: None }
    }

    /// The Pod runs.
    pub fn running() -> Self {
        Record { state: TaskState::Running, reason: String::new(), message: String::new(), pod: None }
    }

    /// The task is over.
    pub fn ended(end: End, reason: String, message: String) -> Self {
        Record { state: TaskState::Ended(end), reason, message, pod: None }
    }
}

/// Why a task source can't answer now. The agent retries.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceFault(pub String);

/// Where tasks come from.
///
/// To add another source, implement this trait beside [`FolderSource`](crate::FolderSource), and choose it where `podrules run`
/// opens its source: `tasks` in `crates/cli/src/command/run.rs`. A source runs on a thread of its own, one call after another in the order
/// in which the agent made them. So a call may take long, and may block: until it returns, watches, launches and deletions go on,
/// and what depends on the answer waits.
pub trait TaskSource: Send + 'static {
    /// The tasks to launch now, each of which takes a place in the room. A task is handed out once, unless it is
    /// [requeued](TaskSource::requeue).
    ///
    /// # Errors
    /// The tasks can't be read now.
    fn next(&mut self, room: &mut Room) -> impl Future<Output = Result<Vec<Task>, SourceFault>> + Send;

    /// Takes back a task that was handed out and isn't launched now: a later `next` hands it out again.
    fn requeue(&mut self, key: &str);

    /// The keys of tasks that were handed out or launched, and have been withdrawn by their owner since; each only once.
    ///
    /// # Errors
    /// The tasks can't be read now.
    fn withdrawn(&mut self) -> impl Future<Output = Result<Vec<String>, SourceFault>> + Send;

    /// Records a task's state. A task that the source doesn't know is no error.
    ///
    /// # Errors
    /// The record can't be written now.
    fn record(&mut self, key: &str, record: &Record) -> impl Future<Output = Result<(), SourceFault>> + Send;

    /// How far a task has come, as far as the source knows; `None` if there is no such task.
    ///
    /// # Errors
    /// The tasks can't be read now.
    fn state(&mut self, key: &str) -> impl Future<Output = Result<Option<TaskState>, SourceFault>> + Send;

    /// The keys of all tasks that were launched and have not ended, to find those whose Pod was deleted while no process watched.
    ///
    /// # Errors
    /// The tasks can't be read now.
    fn launched(&mut self) -> impl Future<Output = Result<Vec<String>, SourceFault>> + Send;

    /// How many tasks wait to be launched, by queue.
    fn waiting(&self) -> HashMap<String, usize>;
}

#[cfg(test)]
mod tests {
    use super::{End, Room, TaskState};

    #[test]
    fn room_is_taken_by_queue_and_in_total() {
        let mut room = Room { all: 3, queues: [("a".to_owned(), 1)].into(), each: None };
        assert!(room.take("a"));
        assert!(!room.take("a"));
        assert!(room.take("b") && room.take("b"));
        assert!(!room.take("b"));
        let mut room = Room { all: 9, queues: [("a".to_owned(), 2)].into(), each: Some(1) };
        assert!(room.take("a") && room.take("a") && room.take("b"));
        assert!(!room.has("a") && !room.has("b") && room.has("c"));
    }

    #[test]
    fn states_are_in_order_and_known_by_their_words() {
        let states = [TaskState::Waiting, TaskState::Launched, TaskState::Running, TaskState::Ended(End::Aborted)];
        assert!(states.is_sorted());
        for state in states {
            assert_eq!(TaskState::from_word(state.word()), Some(state));
        }
        assert_eq!(TaskState::from_word("lost"), None);
    }
}

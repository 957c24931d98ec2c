//! Where tasks come from, and where it is recorded what became of them.
//!
//! A source is the memory of tasks, as the cluster is that of Pods. What it must give:
//!
//! - A task that was given out and of which nothing was reported is given out again after a restart.
//! - The report of an end is kept before the call returns, so that no Pod is deleted whose end isn't recorded. Others may be kept
//!   a moment later: until then the Pod itself is there to tell.
//! - A report may come twice, and after a restart again: the second changes nothing.
//!
//! Tasks are known by their *key*, which is what stands in the Pod's label `podrules.io/task-id`: the id itself, or for an id
//! that no label may hold what [`label_value`](podrules::pod::names::label_value) makes of it.

use podrules::pod::names::label_value;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::time::Instant;

/// A task to launch.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The name of the queue that it waited in.
    pub queue: String,
    /// The task, as `tasks.get_by_id` returns it.
    pub value: Value,
    /// When it was first seen.
    pub seen: Instant,
}

impl Task {
    /// What the task is known by.
    pub fn key(&self) -> String {
        label_value(&self.id)
    }
}

/// How many tasks may be launched now.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// In all.
    pub all: usize,
    /// Of single queues.
    pub queues: HashMap<String, usize>,
    /// Of every other queue, if there is a limit.
    pub each: Option<usize>,
}

impl Room {
    /// Whether a task of the queue may be launched.
    pub fn has(&self, queue: &str) -> bool {
        self.all > 0 && self.queues.get(queue).copied().or(self.each).is_none_or(|left| left > 0)
    }

    /// Takes a place, if there is one.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its Pod succeeded.
    Completed,
    /// It couldn't be launched, or its Pod failed.
    Failed,
    /// Nobody wanted it any more.
    Aborted,
}

impl End {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            End::Completed => "completed",
            End::Failed => "failed",
            End::Aborted => "aborted",
        }
    }
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its Pod is there.
    Launched {
        /// The Pod's namespace.
        namespace: String,
        /// The Pod's name.
        pod: String,
    },
    /// Why it waits: for quota, for a node, for its image.
    Waiting {
        /// One line.
        message: String,
    },
    /// Its Pod runs.
    Running,
    /// It's over. Nothing is reported after it.
    Ended {
        /// How.
        end: End,
        /// A word: `OOMKilled`, `Evicted`, `RuleFailed`; empty if all is well.
        reason: String,
        /// What happened, maybe of several lines.
        message: String,
    },
}

/// What a source knows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It waits to be launched, or was given out and nothing is known of its Pod.
    Waiting,
    /// It was launched, and has not ended.
    Launched,
    /// It has ended.
    Ended,
    /// There is no such task.
    Unknown,
}

/// A source that can't answer now. It's asked again later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceFault(pub String);

/// Where tasks come from.
pub trait TaskSource: Send + 'static {
    /// Tasks to launch now, each taking its place of the room. A task is given out once, unless [`again`](TaskSource::again) is
    /// said of it.
    fn next(&mut self, room: &mut Room) -> impl Future<Output = Result<Vec<Task>, SourceFault>> + Send;

    /// A task that was given out isn't launched now after all: it comes again with a later `next`.
    fn again(&mut self, key: &str);

    /// The keys of tasks that were given out or launched and that nobody wants any more, each told once.
    fn unwanted(&mut self) -> impl Future<Output = Result<Vec<String>, SourceFault>> + Send;

    /// Records what became of a task. Of a task that the source doesn't know it is no fault.
    fn report(&mut self, key: &str, report: &Report) -> impl Future<Output = Result<(), SourceFault>> + Send;

    /// What is known of a task.
    fn fate(&mut self, key: &str) -> impl Future<Output = Result<Fate, SourceFault>> + Send;

    /// The keys of all tasks that were launched and have not ended: to find those whose Pod went while nobody looked.
    fn launched(&mut self) -> impl Future<Output = Result<Vec<String>, SourceFault>> + Send;

    /// How many tasks wait, by queue.
    fn waiting(&self) -> HashMap<String, usize>;
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn room_is_taken_by_queue_and_in_all() {
        let mut room = Room { all: 3, queues: [("a".to_owned(), 1)].into(), each: None };
        assert!(room.take("a"));
        assert!(!room.take("a"));
        assert!(room.take("b") && room.take("b"));
        assert!(!room.take("b"));
        let mut room = Room { all: 9, queues: [("a".to_owned(), 2)].into(), each: Some(1) };
        assert!(room.take("a") && room.take("a") && room.take("b"));
        assert!(!room.has("a") && !room.has("b") && room.has("c"));
    }
}

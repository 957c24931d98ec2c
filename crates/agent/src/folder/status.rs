//! The status file beside a task file: what is recorded about the task, for people and for the next process.

use crate::task_source::{End, Record, SourceFault, TaskState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;
use std::path::Path;

/// What follows the name of the task file in the name of its status file.
pub const SUFFIX: &str = ".status.json";
/// Bytes that are read of a status file.
const MAX_BYTES: u64 = 256 << 10;

/// The content of a status file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The task's key; empty if the file holds no task.
    pub task: String,
    /// The name of its queue.
    pub queue: String,
    /// The word of its [`TaskState`].
    pub status: String,
    /// Why it ended, in one word.
    pub reason: String,
    /// What it waits for, or why it failed.
    pub message: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub pod: String,
    /// When the launch was recorded (RFC 3339).
    pub launched: Option<Timestamp>,
    /// When this record last changed (RFC 3339).
    pub since: Timestamp,
}

impl Status {
    /// Reads a status file; `None` if there is none, or it is incomplete.
    pub fn read(path: &Path) -> Option<Status> {
        let mut text = String::new();
        fs::File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        // serde accepts a list of values as a struct, too.
        serde_json::from_str(&text).ok().filter(|status: &Status| !status.status.is_empty())
    }

    /// How far the task has come. A launched task stays launched while its Pod is pending.
    pub fn state(&self) -> TaskState {
        match TaskState::from_word(&self.status) {
            Some(ended @ TaskState::Ended(_)) => ended,
            state if self.launched.is_some() => state.unwrap_or(TaskState::Launched).max(TaskState::Launched),
            _ => TaskState::Waiting,
        }
    }

    /// Applies a record; false if it changes nothing.
    pub fn apply(&mut self, record: &Record, now: Timestamp) -> bool {
        // An end is final.
        if self.state().has_ended() {
            return false;
        }
        let before = self.clone();
        if let Some((namespace, pod)) = &record.pod {
            self.namespace.clone_from(namespace);
            self.pod.clone_from(pod);
        }
        let launched = record.state == TaskState::Launched;
        if launched {
            self.launched.get_or_insert(now);
        }
        if !launched || self.status.is_empty() || self.status == TaskState::Waiting.word() {
            record.state.word().clone_into(&mut self.status);
            self.reason.clone_from(&record.reason);
            self.message.clone_from(&record.message);
        }
        if *self == before {
            return false;
        }
        self.since = now;
        true
    }

    /// The status of a file that holds no task of its own. It names no task, so that it can't pass for the end of one.
    pub fn failed(queue: &str, reason: &str, message: &str, now: Timestamp) -> Status {
        let mut status = Status { queue: queue.to_owned(), ..Status::default() };
        status.apply(&Record::ended(End::Failed, reason.to_owned(), message.to_owned()), now);
        status
    }

    /// Writes the file, completely or not at all.
    pub fn write(&self, path: &Path) -> Result<(), SourceFault> {
        let fault = |what: &str, error: std::io::Error| SourceFault(format!("{} {what}: {error}", path.display()));
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(());
        };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| fault("can't be written", error.into()))?;
        text.push(b'\n');
        let new = folder.join(format!(".{name}.new"));
        fs::write(&new, text).and_then(|()| fs::rename(&new, path)).map_err(|error| fault("can't be written", error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn launched() -> Record {
        Record::launched("n", "p")
    }

    #[test]
    fn records_apply_once_and_an_end_is_final() {
        let (mut status, at) = (Status::default(), |second| Timestamp::from_second(second).unwrap());
        assert!(status.apply(&Record::waiting("quota".into()), at(1)));
        assert_eq!(status.state(), TaskState::Waiting);
        assert!(status.apply(&launched(), at(2)) && !status.apply(&launched(), at(3)));
        assert_eq!((status.state(), status.status.as_str(), status.since), (TaskState::Launched, "launched", at(2)));
        // The Pod waits for its image; the task stays launched.
        assert!(status.apply(&Record::waiting("image".into()), at(4)));
        assert_eq!(status.state(), TaskState::Launched);
        assert!(status.apply(&Record::running(), at(5)));
        let ended = Record::ended(End::Failed, "OOMKilled".into(), "m".into());
        assert!(status.apply(&ended, at(6)) && !status.apply(&ended, at(7)) && !status.apply(&launched(), at(8)));
        assert_eq!(
            (status.state(), status.launched, status.since),
            (TaskState::Ended(End::Failed), Some(at(2)), at(6))
        );
    }

    #[test]
    fn a_written_status_is_read_again_and_other_files_are_not_a_status() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json.status.json");
        assert_eq!(Status::read(&path), None);
        let status = Status::failed("q", "Unreadable", "line 1\nline 2", Timestamp::now());
        status.write(&path).unwrap();
        assert_eq!(Status::read(&path), Some(status));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for text in ["", "{", "[]", "{\"since\": 1}"] {
            fs::write(&path, text).unwrap();
            assert_eq!(Status::read(&path), None, "{text}");
        }
        assert!(Status::default().write(&folder.path().join("none/a")).is_err());
    }
}

//! The status file beside a task's file: what is remembered of the task, for people and for the next process.

use crate::source::{End, Report, SourceFault};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;
use std::path::Path;

/// What is added to a task file's name.
pub const SUFFIX: &str = ".status.json";
/// Bytes of a status file.
const LARGEST: u64 = 256 << 10;

/// What is remembered of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Its id.
    pub task: String,
    /// Its queue.
    pub queue: String,
    /// `waiting`, `launched`, `running`, `completed`, `failed` or `aborted`.
    pub status: String,
    /// A word on the end.
    pub reason: String,
    /// What there is to say.
    pub message: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub pod: String,
    /// When its Pod was first there (RFC 3339).
    pub launched: Option<Timestamp>,
    /// When it last changed (RFC 3339).
    pub since: Timestamp,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is to be launched.
    Waiting,
    /// It was launched.
    Launched,
    /// It has ended.
    Ended,
}

impl Status {
    /// Reads one; nothing if it isn't there, or isn't whole.
    pub fn read(path: &Path) -> Option<Status> {
        let mut text = String::new();
        fs::File::open(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
        // A list of values would pass for one, too.
        serde_json::from_str(&text).ok().filter(|status: &Status| !status.status.is_empty())
    }

    /// How far the task has come.
    pub fn stage(&self) -> Stage {
        match self.status.as_str() {
            "completed" | "failed" | "aborted" => Stage::Ended,
            _ if self.launched.is_some() => Stage::Launched,
            _ => Stage::Waiting,
        }
    }

    /// Takes a report in; false if it says nothing new.
    pub fn take(&mut self, report: &Report, now: Timestamp) -> bool {
        let before = self.clone();
        match report {
            // What is over stays as it ended.
            _ if self.stage() == Stage::Ended => return false,
            Report::Launched { namespace, pod } => {
                self.launched.get_or_insert(now);
                if self.status.is_empty() || self.status == "waiting" {
                    self.say("launched", "", "");
                }
                self.namespace.clone_from(namespace);
                self.pod.clone_from(pod);
            }
            Report::Waiting { message } => self.say("waiting", "", message),
            Report::Running => self.say("running", "", ""),
            Report::Ended { end, reason, message } => self.say(end.word(), reason, message),
        }
        if *self == before {
            return false;
        }
        self.since = now;
        true
    }

    /// Of a file that holds no task of its own: no task is named, so that it can't be taken for one's end.
    pub fn failed(queue: &str, reason: &str, message: &str, now: Timestamp) -> Status {
        let mut status = Status { queue: queue.to_owned(), ..Status::default() };
        status.take(&Report::Ended { end: End::Failed, reason: reason.into(), message: message.into() }, now);
        status
    }

    fn say(&mut self, status: &str, reason: &str, message: &str) {
        status.clone_into(&mut self.status);
        reason.clone_into(&mut self.reason);
        message.clone_into(&mut self.message);
    }

    /// Writes it, whole or not at all.
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

    fn launched() -> Report {
        Report::Launched { namespace: "n".into(), pod: "p".into() }
    }

    #[test]
    fn reports_are_taken_once_and_an_end_is_final() {
        let (mut status, at) = (Status::default(), |second| Timestamp::from_second(second).unwrap());
        assert!(status.take(&Report::Waiting { message: "quota".into() }, at(1)));
        assert_eq!(status.stage(), Stage::Waiting);
        assert!(status.take(&launched(), at(2)) && !status.take(&launched(), at(3)));
        assert_eq!((status.stage(), status.status.as_str(), status.since), (Stage::Launched, "launched", at(2)));
        // It waits for its image: it was launched all the same.
        assert!(status.take(&Report::Waiting { message: "image".into() }, at(4)));
        assert_eq!(status.stage(), Stage::Launched);
        assert!(status.take(&Report::Running, at(5)));
        let ended = Report::Ended { end: End::Failed, reason: "OOMKilled".into(), message: "m".into() };
        assert!(status.take(&ended, at(6)) && !status.take(&ended, at(7)) && !status.take(&launched(), at(8)));
        assert_eq!((status.stage(), status.launched, status.since), (Stage::Ended, Some(at(2)), at(6)));
    }

    #[test]
    fn what_is_written_is_read_and_what_is_no_status_is_nothing() {
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

//! The files that tell a later process whether a key's command has run: `KEY.lock`, locked for as long as it runs, `KEY.log` with
//! its output, and `KEY.done` once it has ended.
//!
//! If `KEY.done` exists, the command has ended, whatever the file contains: it is only created after the end. So it needn't be
//! written atomically.

use super::run::{MOST_OUTPUT, lines};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The length limit of a key.
const MOST_KEY: usize = 64;
/// The bytes of `KEY.done` that are read.
const MOST_END: u64 = 64;
/// Written to `KEY.done` instead of the exit status if the command was stopped.
const STOPPED: &str = "stopped";
/// The size in bytes at which a running command's log is cut.
const MOST_ON_DISK: u64 = 16 << 20;

/// The extensions of a key's record.
const EXTENSIONS: [&str; 3] = ["lock", "log", "done"];

/// Whether a text is a valid key, and so can be part of a file's name.
pub(super) fn is_key(key: &str) -> bool {
    (1..=MOST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The key in a file's name; `None` for other record.
pub(super) fn key_of(file: &str) -> Option<&str> {
    let (key, extension) = file.split_once('.')?;
    (is_key(key) && EXTENSIONS.contains(&extension)).then_some(key)
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// The exit status; `None` if it was stopped, or the status is unknown.
    pub status: Option<i32>,
    /// Whether the file is complete; otherwise its writer may still be about to write the status.
    pub complete: bool,
}

/// The files of one key.
#[derive(Debug)]
pub(super) struct Record {
    lock: PathBuf,
    log: PathBuf,
    /// `KEY.done`, whose existence says that the command has ended.
    pub done: PathBuf,
}

impl Record {
    /// The files of a valid key.
    pub fn new(folder: &Path, key: &str) -> Record {
        let [lock, log, done] = EXTENSIONS.map(|extension| folder.join(format!("{key}.{extension}")));
        Record { lock, log, done }
    }

    /// The lock, unless another process holds it. It is released when the last copy of the open file is closed, in any process.
    /// The file is empty, so that a process can have it as stdin.
    pub fn try_lock(&self) -> Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = File::from(rustix::fs::open(&self.lock, flags, Mode::RUSR | Mode::WUSR)?);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The file may have been removed after it was opened: then its lock keeps nobody out.
        let same = fs::metadata(&self.lock).and_then(|now| Ok(file.metadata()?.ino() == now.ino()));
        Ok(same.unwrap_or(false).then_some(file))
    }

    /// Records that the command starts now: the start is the lock's modification time.
    pub fn mark_started(lock: &File) {
        let _ = lock.set_modified(SystemTime::now());
    }

    /// How long the command has been running, if a process holds the lock.
    pub fn running_for(&self) -> Duration {
        let started = fs::metadata(&self.lock).and_then(|lock| lock.modified());
        started.ok().and_then(|started| started.elapsed().ok()).unwrap_or_default()
    }

    /// How the command ended; `None` if it hasn't.
    pub fn ended(&self) -> Result<Option<Ended>> {
        let mut text = String::new();
        let read = File::open(&self.done).and_then(|file| file.take(MOST_END).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // It isn't text.
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let first = text.split_once('\n').map(|(first, _)| first);
        Ok(Some(Ended { status: first.and_then(|first| first.parse().ok()), complete: first.is_some() }))
    }

    /// Records that the command has ended; `None` if it was stopped.
    pub fn write_end(&self, status: Option<i32>) -> Result<()> {
        let mut file = private().write(true).create(true).truncate(true).open(&self.done)?;
        file.write_all(format!("{}\n", status.map_or(STOPPED.to_owned(), |status| status.to_string())).as_bytes())
    }

    /// Flushes the end to the disk, so that it survives a crash of the machine.
    pub fn sync(&self) {
        let _ = File::open(&self.done).and_then(|file| file.sync_all());
        let _ = self.done.parent().map(|folder| File::open(folder).and_then(|folder| folder.sync_all()));
    }

    /// Whether the command may have been started before.
    pub fn was_started(&self) -> bool {
        self.log.exists()
    }

    /// An empty log, opened for appending, so that it can be cut at any time.
    pub fn new_log(&self) -> Result<File> {
        let log = private().read(true).append(true).create(true).open(&self.log)?;
        log.set_len(0)?;
        Ok(log)
    }

    /// The beginning of the command's output.
    pub fn lines(&self) -> Vec<String> {
        File::open(&self.log).map(|mut log| lines(&mut log)).unwrap_or_default()
    }

    /// Cuts a running command's log if it is too large; its beginning stays.
    pub fn limit_log(&self) {
        self.cut_log(MOST_ON_DISK);
    }

    /// Cuts the log to the part that can be shown.
    pub fn shorten_log(&self) {
        self.cut_log(MOST_OUTPUT);
    }

    fn cut_log(&self, most: u64) {
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > most) {
            let _ = OpenOptions::new().write(true).open(&self.log).and_then(|log| log.set_len(MOST_OUTPUT));
        }
    }

    /// Whether no file has been written for this long.
    pub fn is_older(&self, age: Duration) -> bool {
        let all = [&self.lock, &self.log, &self.done].map(|file| fs::metadata(file).and_then(|file| file.modified()));
        let newest = all.into_iter().flatten().max();
        newest.and_then(|time| time.elapsed().ok()).is_some_and(|elapsed| elapsed > age)
    }

    /// Removes the files, unless the command is running.
    pub fn remove(&self) {
        if let Ok(Some(_lock)) = self.try_lock() {
            for file in [&self.log, &self.done, &self.lock] {
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// Files that other users can't read: a command may print secrets.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn keys_are_uids_and_not_paths() {
        assert!(is_key("7f1c2a9e-3b54-4c2f-9d5e-0a1b2c3d4e5f") && is_key(&"a".repeat(64)));
        for bad in ["", "a.b", "../a", "a/b", "a_b", "é", "a\0", &"a".repeat(65)] {
            assert!(!is_key(bad), "{bad:?}");
        }
        assert_eq!(key_of("a-1.done"), Some("a-1"));
        for other in ["a-1", "a-1.txt", ".lock", "a-1.done.old", "a b.log"] {
            assert_eq!(key_of(other), None, "{other}");
        }
    }

    #[test]
    fn an_end_file_means_that_the_command_ended_whatever_it_contains() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(folder.path(), "a");
        assert_eq!(record.ended().unwrap(), None);
        for (text, status, complete) in [
            (&b""[..], None, false),
            (b"1", None, false),
            (b"12\n", Some(12), true),
            (b"0\nopped\n", Some(0), true),
            (b"stopped\n", None, true),
            (b"\xff\n", None, false),
            (b"99999999999\n", None, true),
        ] {
            fs::write(&record.done, text).unwrap();
            assert_eq!(record.ended().unwrap(), Some(Ended { status, complete }), "{text:?}");
        }
        for status in [Some(3), None] {
            record.write_end(status).unwrap();
            assert_eq!(record.ended().unwrap(), Some(Ended { status, complete: true }));
        }
    }

    #[test]
    fn a_lock_is_held_by_one_and_keeps_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(folder.path(), "a");
        let mut lock = record.try_lock().unwrap().unwrap();
        assert!(record.try_lock().unwrap().is_none());
        assert_eq!(lock.read_to_string(&mut String::new()).unwrap(), 0);
        record.remove();
        assert!(record.lock.exists());
        // A copy keeps the lock after the first is closed.
        let copy = lock.try_clone().unwrap();
        drop(lock);
        assert!(record.try_lock().unwrap().is_none());
        drop(copy);
        record.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_long_log_is_truncated_and_continues() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(folder.path(), "a");
        let mut log = record.new_log().unwrap();
        log.write_all(b"first\n").unwrap();
        log.set_len(MOST_ON_DISK + 1).unwrap();
        record.limit_log();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT);
        log.write_all(b"more").unwrap();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT + 4);
        record.shorten_log();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT);
        assert_eq!(record.lines()[0], "first");
    }
}

//! The files by which a later process knows what became of a key's command: `KEY.lock`, locked for as long as it runs,
//! `KEY.log` with what it printed, `KEY.done` once it has ended.
//!
//! That `KEY.done` is there says that the command has ended, whatever stands in it: it is only opened after the end. So nobody
//! must write it at once as a whole.

use super::run::{MOST_OUTPUT, lines};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long the name of a key may be.
const MOST_KEY: usize = 64;
/// Bytes of the file of an end that are looked at.
const MOST_END: u64 = 64;
/// What is written of a command that was stopped, where else its status stands.
const STOPPED: &str = "stopped";
/// Bytes that a running command's output may take on the disk before what came last is thrown away.
const MOST_ON_DISK: u64 = 16 << 20;

/// What a file's name may end with.
const ENDINGS: [&str; 3] = ["lock", "log", "done"];

/// Whether a text may name files.
pub(super) fn is_key(key: &str) -> bool {
    (1..=MOST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The key that a file's name is of.
pub(super) fn key_of(file: &str) -> Option<&str> {
    let (key, ending) = file.split_once('.')?;
    (is_key(key) && ENDINGS.contains(&ending)).then_some(key)
}

/// How a command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its status; none if it was stopped, or if that isn't known.
    pub status: Option<i32>,
    /// Whether that is all there is to know: who has opened the file may still be about to write it.
    pub whole: bool,
}

/// The files of one key.
#[derive(Debug)]
pub(super) struct Evidence {
    lock: PathBuf,
    log: PathBuf,
    /// The file that says that the command has ended.
    pub done: PathBuf,
}

impl Evidence {
    /// The files of a key, which must be one.
    pub fn new(folder: &Path, key: &str) -> Evidence {
        let [lock, log, done] = ENDINGS.map(|ending| folder.join(format!("{key}.{ending}")));
        Evidence { lock, log, done }
    }

    /// The lock, if nobody has it. It is given back when the last copy of the open file is closed, those of other processes
    /// too; to read it gives nothing.
    pub fn try_lock(&self) -> Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = File::from(rustix::fs::open(&self.lock, flags, Mode::RUSR | Mode::WUSR)?);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody may have removed it after it was opened: the lock of a file that nobody finds keeps nobody out.
        let same = fs::metadata(&self.lock).and_then(|now| Ok(file.metadata()?.ino() == now.ino()));
        Ok(same.unwrap_or(false).then_some(file))
    }

    /// Notes on the lock that the command starts now.
    pub fn starts(lock: &File) {
        let _ = lock.set_modified(SystemTime::now());
    }

    /// For how long the command has been running, if somebody has the lock.
    pub fn running_for(&self) -> Duration {
        let started = fs::metadata(&self.lock).and_then(|lock| lock.modified());
        started.ok().and_then(|started| started.elapsed().ok()).unwrap_or_default()
    }

    /// How the command has ended, if it has.
    pub fn ended(&self) -> Result<Option<Ended>> {
        let mut text = String::new();
        let read = File::open(&self.done).and_then(|file| file.take(MOST_END).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // It's no text.
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let first = text.split_once('\n').map(|(first, _)| first);
        Ok(Some(Ended { status: first.and_then(|first| first.parse().ok()), whole: first.is_some() }))
    }

    /// Writes that the command has ended.
    pub fn end(&self, status: Option<i32>) -> Result<()> {
        let mut file = owned().write(true).create(true).truncate(true).open(&self.done)?;
        file.write_all(format!("{}\n", status.map_or(STOPPED.to_owned(), |status| status.to_string())).as_bytes())
    }

    /// Makes sure that the end is known even if the machine dies.
    pub fn settle(&self) {
        let _ = File::open(&self.done).and_then(|file| file.sync_all());
        let _ = self.done.parent().map(|folder| File::open(folder).and_then(|folder| folder.sync_all()));
    }

    /// Whether the command was ever started, as far as one can tell.
    pub fn was_started(&self) -> bool {
        self.log.exists()
    }

    /// An empty log. What is written goes to its end, so it may be cut at any time.
    pub fn new_log(&self) -> Result<File> {
        let log = owned().read(true).append(true).create(true).open(&self.log)?;
        log.set_len(0)?;
        Ok(log)
    }

    /// What the command has printed.
    pub fn lines(&self) -> Vec<String> {
        File::open(&self.log).map(|mut log| lines(&mut log)).unwrap_or_default()
    }

    /// Cuts the log of a command that still runs, if it takes too much; what stands first stays.
    pub fn bound(&self) {
        self.cut(MOST_ON_DISK);
    }

    /// Cuts the log to what is ever shown of it.
    pub fn shorten(&self) {
        self.cut(MOST_OUTPUT);
    }

    fn cut(&self, most: u64) {
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > most) {
            let _ = OpenOptions::new().write(true).open(&self.log).and_then(|log| log.set_len(MOST_OUTPUT));
        }
    }

    /// Whether nothing was written here for a time.
    pub fn is_older(&self, age: Duration) -> bool {
        let all = [&self.lock, &self.log, &self.done].map(|file| fs::metadata(file).and_then(|file| file.modified()));
        let newest = all.into_iter().flatten().max();
        newest.and_then(|time| time.elapsed().ok()).is_some_and(|elapsed| elapsed > age)
    }

    /// Removes the files, unless the command runs.
    pub fn remove(&self) {
        if let Ok(Some(_lock)) = self.try_lock() {
            for file in [&self.log, &self.done, &self.lock] {
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// Files that nobody else reads: a command may print secrets.
fn owned() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn keys_are_uids_and_nothing_that_leads_elsewhere() {
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
    fn an_end_is_known_by_its_file_whatever_stands_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = Evidence::new(folder.path(), "a");
        assert_eq!(files.ended().unwrap(), None);
        for (text, status, whole) in [
            (&b""[..], None, false),
            (b"1", None, false),
            (b"12\n", Some(12), true),
            (b"0\nopped\n", Some(0), true),
            (b"stopped\n", None, true),
            (b"\xff\n", None, false),
            (b"99999999999\n", None, true),
        ] {
            fs::write(&files.done, text).unwrap();
            assert_eq!(files.ended().unwrap(), Some(Ended { status, whole }), "{text:?}");
        }
        for status in [Some(3), None] {
            files.end(status).unwrap();
            assert_eq!(files.ended().unwrap(), Some(Ended { status, whole: true }));
        }
    }

    #[test]
    fn a_lock_is_held_by_one_and_keeps_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = Evidence::new(folder.path(), "a");
        let mut lock = files.try_lock().unwrap().unwrap();
        assert!(files.try_lock().unwrap().is_none());
        assert_eq!(lock.read_to_string(&mut String::new()).unwrap(), 0);
        files.remove();
        assert!(files.lock.exists());
        // A copy is as good as the first, and outlives it.
        let copy = lock.try_clone().unwrap();
        drop(lock);
        assert!(files.try_lock().unwrap().is_none());
        drop(copy);
        files.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_log_is_cut_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let files = Evidence::new(folder.path(), "a");
        let mut log = files.new_log().unwrap();
        log.write_all(b"first\n").unwrap();
        log.set_len(MOST_ON_DISK + 1).unwrap();
        files.bound();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT);
        log.write_all(b"more").unwrap();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT + 4);
        files.shorten();
        assert_eq!(log.metadata().unwrap().len(), MOST_OUTPUT);
        assert_eq!(files.lines()[0], "first");
    }
}

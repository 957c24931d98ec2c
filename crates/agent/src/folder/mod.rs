//! A task folder: each file is a task, each subfolder a queue, and a status file beside each task file records the task's state.
//!
//! ```text
//! file     reads a task file
//! status   the status file beside it
//! scan     what has changed in the folder
//! ```

mod file;
mod scan;
mod status;
#[cfg(test)]
mod tests;

use super::task_source::{End, Record, Room, SourceFault, Task, TaskSource, TaskState};
use file::{Fingerprint, Found};
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::pod::names::label_value;
use status::Status;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long an invalid file may be one that is still being written.
const BEING_WRITTEN: Duration = Duration::from_secs(1);

/// Status files that may wait to be written.
const MAX_UNWRITTEN: usize = 10_000;
/// How many of them are written in one go: so many, and this part of the others.
const WRITE_BATCH: usize = 32;
const WRITE_PART: usize = 8;

/// Where a task file is: the folder of its queue (empty for the task folder itself) and its name.
type Place = (String, String);

/// A task file that was seen.
#[derive(Debug)]
struct Known {
    /// The task's key; empty before the file was read.
    key: String,
    state: TaskState,
    /// Whether this process handed it out, and neither a launch nor an end was recorded yet.
    handed_out: bool,
    /// Whether it may have a status file.
    has_record: bool,
    /// Since when the file is missing: an editor may be about to write it again.
    missing: Option<Instant>,
    /// Whether the file was removed.
    gone: bool,
    /// For a file that holds no task: its fingerprint then, when that was, and whether its status file says so.
    invalid: Option<(Fingerprint, Instant, bool)>,
    /// The key by which its queue is ordered.
    order: (SystemTime, String),
}

impl Known {
    /// Whether its task was launched and has not ended.
    fn is_active(&self) -> bool {
        is_active(self.state)
    }
}

/// Whether a task in this state was launched and has not ended.
fn is_active(state: TaskState) -> bool {
    matches!(state, TaskState::Launched | TaskState::Running)
}

/// A task folder.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    default_queue: Option<String>,
    known: HashMap<Place, Known>,
    /// Where the tasks that were read are, by key.
    places: HashMap<String, Place>,
    /// What waits, by folder, in order.
    waiting: BTreeMap<String, BTreeSet<(SystemTime, String)>>,
    /// Whether there may be files that were never read, so that their tasks' keys are unknown.
    unread: bool,
    /// Status files that are still to be written.
    unwritten: HashMap<Place, Status>,
    /// Keys of tasks whose file was removed, not returned yet.
    withdrawn: Vec<String>,
    /// The folder whose task was handed out last.
    last: String,
    scans: scan::Scans,
}

impl FolderSource {
    /// Opens a task folder. `default_queue` is the queue of task files directly in the folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn new(root: &Path, default_queue: Option<&str>) -> Result<Self, Diagnostic> {
        if let Err(error) = fs::read_dir(root) {
            let message = format!("the task folder {} can't be read: {error}", root.display());
            return Err(Diagnostic::new(Code::Input, message).help("create the folder, and a subfolder for each queue"));
        }
        Ok(FolderSource {
            root: root.to_owned(),
            default_queue: default_queue.map(str::to_owned),
            known: HashMap::new(),
            places: HashMap::new(),
            waiting: BTreeMap::new(),
            unread: false,
            unwritten: HashMap::new(),
            withdrawn: Vec::new(),
            last: String::new(),
            scans: scan::Scans::default(),
        })
    }

    fn path(&self, place: &Place) -> PathBuf {
        self.root.join(&place.0).join(&place.1)
    }

    fn status_path(&self, place: &Place) -> PathBuf {
        self.root.join(&place.0).join(format!("{}{}", place.1, status::SUFFIX))
    }

    /// Where the task with a key is. If an earlier process launched it, its file may not have been read yet.
    fn find(&mut self, key: &str) -> Option<Place> {
        if !self.places.contains_key(key) && self.unread {
            self.unread = false;
            let unread = |known: &Known| known.key.is_empty() && known.state == TaskState::Waiting;
            let places: Vec<Place> =
                self.known.iter().filter(|(_, known)| unread(known)).map(|(place, _)| place.clone()).collect();
            for place in places {
                if let Found::Task(id, _) = file::read(&self.path(&place), &place.1)
                    && let Some(known) = self.known.get_mut(&place)
                {
                    known.key = label_value(&id);
                    self.places.entry(known.key.clone()).or_insert(place);
                }
            }
        }
        self.places.get(key).cloned()
    }

    /// The name of the queue that a folder stands for.
    fn queue<'s>(&'s self, folder: &'s str) -> Option<&'s str> {
        if folder.is_empty() { self.default_queue.as_deref() } else { Some(folder) }
    }

    /// The next folder in turn that has a task waiting and room for it.
    fn next_folder(&self, room: &Room) -> Option<String> {
        let has = |folder: &&String| {
            let waits = self.waiting.get(*folder).is_some_and(|waiting| !waiting.is_empty());
            waits && self.queue(folder).is_none_or(|queue| room.has(queue))
        };
        let after = self.waiting.keys().filter(|folder| **folder > self.last);
        after.chain(self.waiting.keys().filter(|folder| **folder <= self.last)).find(has).cloned()
    }

    /// Hands out the next task of a folder; `None` if its file holds no task.
    fn hand_out(&mut self, folder: String) -> Option<Task> {
        let (_, name) = self.waiting.get_mut(&folder)?.pop_first()?;
        let place = (folder, name);
        let Some(queue) = self.queue(&place.0).map(str::to_owned) else {
            let message = "the file isn't in a queue's folder and there is no default queue: move it into the folder named after \
                           its queue";
            self.refuse(&place, "NoQueue", message);
            return None;
        };
        let shown = if place.0.is_empty() { place.1.clone() } else { format!("{}/{}", place.0, place.1) };
        match file::read(&self.path(&place), &shown) {
            Found::Gone => {
                self.known.remove(&place);
                None
            }
            Found::Invalid(message) => {
                self.invalid(place, &message);
                None
            }
            Found::Task(id, value) => {
                let key = label_value(&id);
                if let Some(other) = self.places.get(&key).filter(|other| **other != place) {
                    let message = format!("{}/{} already has the task {id}", other.0, other.1);
                    self.refuse(&place, "Duplicate", &message);
                    return None;
                }
                self.places.insert(key.clone(), place.clone());
                if let Some(known) = self.known.get_mut(&place) {
                    known.key = key;
                    known.handed_out = true;
                    known.invalid = None;
                }
                Some(Task { id, queue, value, seen: Instant::now() })
            }
        }
    }

    /// A file that holds no task, maybe because it is still being written.
    fn invalid(&mut self, place: Place, message: &str) {
        let Some(fingerprint) = file::fingerprint(&self.path(&place)) else {
            self.known.remove(&place);
            return;
        };
        let Some(known) = self.known.get_mut(&place) else { return };
        match known.invalid {
            Some((before, since, _)) if before == fingerprint && since.elapsed() >= BEING_WRITTEN => {
                self.refuse(&place, "Unreadable", message);
            }
            Some((before, ..)) if before == fingerprint => {}
            _ => known.invalid = Some((fingerprint, Instant::now(), false)),
        }
    }

    /// Records that a file can't be launched.
    fn refuse(&mut self, place: &Place, reason: &str, message: &str) {
        let queue = self.queue(&place.0).unwrap_or("").to_owned();
        tracing::error!(file = %printable_line(&place.1), queue = %printable_line(&queue), reason, "can't launch task file: {}", printable_line(message));
        let status = Status::failed(&queue, reason, message, Timestamp::now());
        let fingerprint = file::fingerprint(&self.path(place));
        let written = status.write(&self.status_path(place));
        if let Some(known) = self.known.get_mut(place) {
            known.state = TaskState::Ended(End::Failed);
            // If it couldn't be written, the next scan tries again.
            known.invalid = fingerprint.map(|fingerprint| (fingerprint, Instant::now(), written.is_ok()));
        }
    }

    /// Writes some of the status files that wait: to write one at each change would cost more than the launch itself.
    fn write_unwritten(&mut self, most: usize) -> Result<(), SourceFault> {
        let places: Vec<Place> = self.unwritten.keys().take(most).cloned().collect();
        for place in places {
            // A removed task file needs no status file.
            if self.known.get(&place).is_some_and(|known| !known.gone)
                && let Some(status) = self.unwritten.get(&place)
            {
                status.write(&self.status_path(&place))?;
            }
            self.unwritten.remove(&place);
        }
        Ok(())
    }

    /// Puts a file into its queue.
    fn enqueue(&mut self, place: &Place) {
        if let Some(known) = self.known.get(place) {
            self.waiting.entry(place.0.clone()).or_default().insert(known.order.clone());
        }
    }

    /// Forgets a file whose task is over, and removes its status file.
    fn forget(&mut self, place: &Place) {
        if let Some(known) = self.known.remove(place) {
            if self.places.get(&known.key) == Some(place) {
                self.places.remove(&known.key);
            }
            if let Some(waiting) = self.waiting.get_mut(&place.0) {
                waiting.remove(&known.order);
            }
        }
        self.unwritten.remove(place);
        let _ = fs::remove_file(self.status_path(place));
    }
}

impl Drop for FolderSource {
    fn drop(&mut self) {
        if let Err(SourceFault(why)) = self.write_unwritten(usize::MAX) {
            tracing::warn!("could not write status files: {why}");
        }
    }
}

impl TaskSource for FolderSource {
    async fn next(&mut self, room: &mut Room) -> Result<Vec<Task>, SourceFault> {
        self.scan()?;
        let mut tasks = Vec::new();
        while let Some(folder) = self.next_folder(room) {
            self.last.clone_from(&folder);
            if let Some(task) = self.hand_out(folder) {
                room.take(&task.queue);
                tasks.push(task);
            }
        }
        Ok(tasks)
    }

    fn requeue(&mut self, key: &str) {
        let Some(place) = self.places.get(key).cloned() else { return };
        if let Some(known) = self.known.get_mut(&place)
            && known.handed_out
            && !known.gone
        {
            known.handed_out = false;
            self.enqueue(&place);
        }
    }

    async fn withdrawn(&mut self) -> Result<Vec<String>, SourceFault> {
        self.write_unwritten(WRITE_BATCH + self.unwritten.len() / WRITE_PART)?;
        self.scan()?;
        Ok(std::mem::take(&mut self.withdrawn))
    }

    async fn record(&mut self, key: &str, record: &Record) -> Result<(), SourceFault> {
        if self.scans.is_first() {
            self.scan()?;
        }
        let Some(place) = self.find(key) else { return Ok(()) };
        let path = self.status_path(&place);
        let Some(known) = self.known.get_mut(&place) else { return Ok(()) };
        if known.gone && record.state.has_ended() {
            self.forget(&place);
            return Ok(());
        }
        if known.state.has_ended() {
            return Ok(());
        }
        let may_have_status = known.state != TaskState::Waiting || !known.handed_out || known.has_record;
        let queue = self.queue(&place.0).unwrap_or("").to_owned();
        let unwritten = self.unwritten.remove(&place);
        let read = || may_have_status.then(|| Status::read(&path)).flatten();
        let current = unwritten.or_else(read).filter(|status| !status.state().has_ended());
        let mut status = current.unwrap_or_else(|| Status { task: key.to_owned(), queue, ..Status::default() });
        if status.apply(record, Timestamp::now()) {
            if status.state().has_ended() || self.unwritten.len() >= MAX_UNWRITTEN {
                status.write(&path)?;
            } else {
                // Until it is written, the Pod itself is the evidence.
                self.unwritten.insert(place.clone(), status.clone());
            }
        }
        if let Some(known) = self.known.get_mut(&place) {
            known.has_record = true;
            known.state = match status.state() {
                TaskState::Waiting if known.is_active() => known.state,
                state => state,
            };
            if known.state != TaskState::Waiting {
                let order = known.order.clone();
                known.handed_out = false;
                if let Some(waiting) = self.waiting.get_mut(&place.0) {
                    waiting.remove(&order);
                }
            }
        }
        Ok(())
    }

    async fn state(&mut self, key: &str) -> Result<Option<TaskState>, SourceFault> {
        self.scan()?;
        let place = self.find(key);
        Ok(place.and_then(|place| self.known.get(&place)).map(|known| known.state))
    }

    async fn launched(&mut self) -> Result<Vec<String>, SourceFault> {
        self.scan()?;
        let launched = self.known.values().filter(|known| known.is_active() && !known.key.is_empty());
        Ok(launched.map(|known| known.key.clone()).collect())
    }

    fn waiting(&self) -> HashMap<String, usize> {
        let queues =
            self.waiting.iter().filter_map(|(folder, waiting)| Some((self.queue(folder)?.to_owned(), waiting.len())));
        queues.collect()
    }
}

//! A folder of tasks: a file is a task, a folder in it is a queue, and a status file beside each task remembers what became of it.
//!
//! ```text
//! file     a task's file → the task
//! status   the file beside it
//! scan     what is in the folder now, against what is known
//! ```

mod file;
mod scan;
mod status;
#[cfg(test)]
mod tests;

use super::source::{Fate, Report, Room, SourceFault, Task, TaskSource};
use file::{Found, Print};
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::pod::names::label_value;
use status::{Stage, Status};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long a file that can't be read may be one that is still being written.
const UNSURE: Duration = Duration::from_secs(1);

/// Statuses that wait to be written.
const MOST_LATE: usize = 10_000;
/// How many of them are written in one go, and which part of all at least.
const WRITTEN: usize = 32;
const PART: usize = 8;

/// A task's file, by its queue's folder (empty for the root) and its own name.
type Place = (String, String);

/// What is known of a task's file.
#[derive(Debug)]
struct Known {
    /// By what the task is known; empty before the file was read.
    key: String,
    stage: Stage,
    /// Given out by this process, and nothing is reported yet.
    given: bool,
    /// Whether a report was written.
    said: bool,
    /// Since when its file isn't there: an editor may be about to bring it back.
    missing: Option<Instant>,
    /// Whether its file has gone.
    gone: bool,
    /// A file that is no task, as it was when that was found, and whether its status says so.
    broken: Option<(Print, Instant, bool)>,
    /// Its place in the order of its queue.
    order: (SystemTime, String),
}

/// A folder of tasks.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    default_queue: Option<String>,
    known: HashMap<Place, Known>,
    /// The places of tasks that were read, by key.
    places: HashMap<String, Place>,
    /// What waits, by queue, in order.
    waiting: BTreeMap<String, BTreeSet<(SystemTime, String)>>,
    /// Whether there may be files of which it isn't known whose task they hold.
    unread: bool,
    /// What is still to be written.
    late: HashMap<Place, Status>,
    /// Keys of tasks whose file has gone, not told yet.
    unwanted: Vec<String>,
    /// The queue that was served last.
    last: String,
    scans: scan::Scans,
}

impl FolderSource {
    /// Opens a folder. `default_queue` is that of tasks which stand in no queue's folder.
    pub fn new(root: &Path, default_queue: Option<&str>) -> Result<Self, Diagnostic> {
        if let Err(error) = fs::read_dir(root) {
            let message = format!("the tasks' folder {} can't be read: {error}", root.display());
            return Err(
                Diagnostic::new(Code::Input, message).help("make the folder, and a folder in it for each queue")
            );
        }
        Ok(FolderSource {
            root: root.to_owned(),
            default_queue: default_queue.map(str::to_owned),
            known: HashMap::new(),
            places: HashMap::new(),
            waiting: BTreeMap::new(),
            unread: false,
            late: HashMap::new(),
            unwanted: Vec::new(),
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

    /// Where the task of a key is. One that an earlier process launched may stand in a file that was not read yet.
    fn find(&mut self, key: &str) -> Option<Place> {
        if !self.places.contains_key(key) && self.unread {
            self.unread = false;
            let unread = |known: &Known| known.key.is_empty() && known.stage == Stage::Waiting;
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

    /// The name of a folder's queue.
    fn queue<'s>(&'s self, folder: &'s str) -> Option<&'s str> {
        if folder.is_empty() { self.default_queue.as_deref() } else { Some(folder) }
    }

    /// The next queue in turn that has something waiting and has room.
    fn next_folder(&self, room: &Room) -> Option<String> {
        let has = |folder: &&String| {
            let waits = self.waiting.get(*folder).is_some_and(|waiting| !waiting.is_empty());
            waits && self.queue(folder).is_none_or(|queue| room.has(queue))
        };
        let after = self.waiting.keys().filter(|folder| **folder > self.last);
        after.chain(self.waiting.keys().filter(|folder| **folder <= self.last)).find(has).cloned()
    }

    /// Reads the next task of a folder; nothing if it is none.
    fn give(&mut self, folder: String) -> Option<Task> {
        let (_, name) = self.waiting.get_mut(&folder)?.pop_first()?;
        let place = (folder, name);
        let Some(queue) = self.queue(&place.0).map(str::to_owned) else {
            let message = "it stands in no queue's folder, and no default queue is named: move it into a folder that is \
                           called as its queue";
            self.refuse(&place, "NoQueue", message);
            return None;
        };
        let shown = if place.0.is_empty() { place.1.clone() } else { format!("{}/{}", place.0, place.1) };
        match file::read(&self.path(&place), &shown) {
            Found::Gone => {
                self.known.remove(&place);
                None
            }
            Found::Broken(message) => {
                self.broken(place, &message);
                None
            }
            Found::Task(id, value) => {
                let key = label_value(&id);
                if let Some(other) = self.places.get(&key).filter(|other| **other != place) {
                    let message = format!("the task {id} is that of {}/{} already", other.0, other.1);
                    self.refuse(&place, "Duplicate", &message);
                    return None;
                }
                self.places.insert(key.clone(), place.clone());
                if let Some(known) = self.known.get_mut(&place) {
                    known.key = key;
                    known.given = true;
                    known.broken = None;
                }
                Some(Task { id, queue, value, seen: Instant::now() })
            }
        }
    }

    /// A file that is no task: it may be one that is still being written.
    fn broken(&mut self, place: Place, message: &str) {
        let Some(print) = file::print(&self.path(&place)) else {
            self.known.remove(&place);
            return;
        };
        let Some(known) = self.known.get_mut(&place) else { return };
        match known.broken {
            Some((before, since, _)) if before == print && since.elapsed() >= UNSURE => {
                self.refuse(&place, "Unreadable", message);
            }
            Some((before, ..)) if before == print => {}
            _ => known.broken = Some((print, Instant::now(), false)),
        }
    }

    /// Records that a file can't be launched as it is.
    fn refuse(&mut self, place: &Place, reason: &str, message: &str) {
        let queue = self.queue(&place.0).unwrap_or("").to_owned();
        tracing::error!(file = %printable_line(&place.1), queue = %printable_line(&queue), reason, "is no task to launch: {}", printable_line(message));
        let status = Status::failed(&queue, reason, message, Timestamp::now());
        let print = file::print(&self.path(place));
        let written = status.write(&self.status_path(place));
        if let Some(known) = self.known.get_mut(place) {
            known.stage = Stage::Ended;
            // Written again with the next scan if it couldn't be.
            known.broken = print.map(|print| (print, Instant::now(), written.is_ok()));
        }
    }

    /// Writes what is still to be written: files that many tasks change at once cost more than their launch.
    fn write_late(&mut self, most: usize) -> Result<(), SourceFault> {
        let places: Vec<Place> = self.late.keys().take(most).cloned().collect();
        for place in places {
            // Of a task whose file has gone none is needed.
            if self.known.get(&place).is_some_and(|known| !known.gone)
                && let Some(status) = self.late.get(&place)
            {
                status.write(&self.status_path(&place))?;
            }
            self.late.remove(&place);
        }
        Ok(())
    }

    /// Puts a file into its queue.
    fn wait(&mut self, place: &Place) {
        if let Some(known) = self.known.get(place) {
            self.waiting.entry(place.0.clone()).or_default().insert(known.order.clone());
        }
    }

    /// Forgets a file whose task is over, and removes its status.
    fn forget(&mut self, place: &Place) {
        if let Some(known) = self.known.remove(place) {
            if self.places.get(&known.key) == Some(place) {
                self.places.remove(&known.key);
            }
            if let Some(waiting) = self.waiting.get_mut(&place.0) {
                waiting.remove(&known.order);
            }
        }
        self.late.remove(place);
        let _ = fs::remove_file(self.status_path(place));
    }
}

impl Drop for FolderSource {
    fn drop(&mut self) {
        if let Err(SourceFault(why)) = self.write_late(usize::MAX) {
            tracing::warn!("what became of tasks can't be written: {why}");
        }
    }
}

impl TaskSource for FolderSource {
    async fn next(&mut self, room: &mut Room) -> Result<Vec<Task>, SourceFault> {
        self.scan()?;
        let mut tasks = Vec::new();
        while let Some(folder) = self.next_folder(room) {
            self.last.clone_from(&folder);
            if let Some(task) = self.give(folder) {
                room.take(&task.queue);
                tasks.push(task);
            }
        }
        Ok(tasks)
    }

    fn again(&mut self, key: &str) {
        let Some(place) = self.places.get(key).cloned() else { return };
        if let Some(known) = self.known.get_mut(&place)
            && known.given
            && !known.gone
        {
            known.given = false;
            self.wait(&place);
        }
    }

    async fn unwanted(&mut self) -> Result<Vec<String>, SourceFault> {
        self.write_late(WRITTEN + self.late.len() / PART)?;
        self.scan()?;
        Ok(std::mem::take(&mut self.unwanted))
    }

    async fn report(&mut self, key: &str, report: &Report) -> Result<(), SourceFault> {
        if self.scans.is_first() {
            self.scan()?;
        }
        let Some(place) = self.find(key) else { return Ok(()) };
        let path = self.status_path(&place);
        let Some(known) = self.known.get_mut(&place) else { return Ok(()) };
        if known.gone && matches!(report, Report::Ended { .. }) {
            self.forget(&place);
            return Ok(());
        }
        if known.stage == Stage::Ended {
            return Ok(());
        }
        let may_have_status = known.stage != Stage::Waiting || !known.given || known.said;
        let queue = self.queue(&place.0).unwrap_or("").to_owned();
        let late = self.late.remove(&place);
        let read = || may_have_status.then(|| Status::read(&path)).flatten();
        let written = late.or_else(read).filter(|status| status.stage() != Stage::Ended);
        let mut status = written.unwrap_or_else(|| Status { task: key.to_owned(), queue, ..Status::default() });
        if status.take(report, Timestamp::now()) {
            if status.stage() == Stage::Ended || self.late.len() >= MOST_LATE {
                status.write(&path)?;
            } else {
                // Until it is written the Pod itself says as much.
                self.late.insert(place.clone(), status.clone());
            }
        }
        if let Some(known) = self.known.get_mut(&place) {
            known.said = true;
            known.stage = match status.stage() {
                Stage::Waiting if known.stage == Stage::Launched => Stage::Launched,
                stage => stage,
            };
            if known.stage != Stage::Waiting {
                let order = known.order.clone();
                known.given = false;
                if let Some(waiting) = self.waiting.get_mut(&place.0) {
                    waiting.remove(&order);
                }
            }
        }
        Ok(())
    }

    async fn fate(&mut self, key: &str) -> Result<Fate, SourceFault> {
        self.scan()?;
        let place = self.find(key);
        Ok(match place.and_then(|place| self.known.get(&place)).map(|known| known.stage) {
            None => Fate::Unknown,
            Some(Stage::Waiting) => Fate::Waiting,
            Some(Stage::Launched) => Fate::Launched,
            Some(Stage::Ended) => Fate::Ended,
        })
    }

    async fn launched(&mut self) -> Result<Vec<String>, SourceFault> {
        self.scan()?;
        let launched = self.known.values().filter(|known| known.stage == Stage::Launched && !known.key.is_empty());
        Ok(launched.map(|known| known.key.clone()).collect())
    }

    fn waiting(&self) -> HashMap<String, usize> {
        let queues =
            self.waiting.iter().filter_map(|(folder, waiting)| Some((self.queue(folder)?.to_owned(), waiting.len())));
        queues.collect()
    }
}

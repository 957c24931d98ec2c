//! Scans of the folder: what has changed since the last one.

use super::file::fingerprint;
use super::status::{SUFFIX, Status};
use super::{FolderSource, Known, Place, is_active};
use crate::task_source::{SourceFault, TaskState};
use podrules::diagnostic::render::printable_line;
use podrules::pod::names::label_value;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The shortest time between two scans.
const PAUSE: Duration = Duration::from_millis(400);
/// The delay until the next scan, as a multiple of the time that a scan takes.
const DELAY_FACTOR: u32 = 20;
/// A folder that seems unchanged is listed again after this time, because clocks and file systems may mislead.
const LIST_ANYWAY: Duration = Duration::from_secs(10);
/// After so recent a change there may be another one in the same tick of the file system's clock.
const RECENT: Duration = Duration::from_secs(2);
/// How long the file of a task that was handed out must be missing before it counts as removed.
pub(super) const MISSING: Duration = Duration::from_secs(1);
/// Task files that are tracked.
const MAX_FILES: usize = 100_000;

/// When and what was scanned.
#[derive(Debug, Default)]
pub struct Scans {
    pub(super) next: Option<Instant>,
    folders: HashMap<String, (SystemTime, Instant)>,
    /// Device and inode of each folder: a volume may be mounted over it, or unmounted.
    identities: HashMap<String, (u64, u64)>,
    full: bool,
}

impl Scans {
    /// Whether there was no scan yet.
    pub fn is_first(&self) -> bool {
        self.next.is_none()
    }
}

/// The entries of a folder.
struct Listing {
    names: HashSet<String>,
    folders: Vec<String>,
}

impl FolderSource {
    /// Scans for changes, if it is time to.
    pub(super) fn scan(&mut self) -> Result<(), SourceFault> {
        let started = Instant::now();
        if self.scans.next.is_some_and(|next| started < next) {
            return Ok(());
        }
        self.scans.next = Some(started + PAUSE);
        let root = list(&self.root).map_err(|error| self.fault("", error))?;
        self.check_identity("", |(folder, name)| {
            if folder.is_empty() { root.names.contains(name) } else { root.folders.contains(folder) }
        })?;
        let folders: HashSet<String> = root.folders.iter().cloned().collect();
        self.compare("", root);
        let mut fault = None;
        for folder in &folders {
            if !self.has_changed(folder) {
                continue;
            }
            // The tasks of an unreadable folder stay as they are.
            match list(&self.root.join(folder)) {
                Ok(listing) => match self.check_identity(folder, |(_, name)| listing.names.contains(name)) {
                    Ok(()) => self.compare(folder, listing),
                    Err(other) => fault = Some(other),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => fault = Some(self.fault(folder, error)),
            }
        }
        // The tasks of removed folders are removed, too.
        let known: HashSet<String> = self.known.keys().map(|(folder, _)| folder.clone()).collect();
        for folder in known.iter().filter(|folder| !folder.is_empty() && !folders.contains(*folder)) {
            self.compare(folder, Listing { names: HashSet::new(), folders: Vec::new() });
            self.scans.folders.remove(folder);
            self.scans.identities.remove(folder);
        }
        self.scans.next = Some(started + PAUSE.max(started.elapsed() * DELAY_FACTOR));
        fault.map_or(Ok(()), Err)
    }

    fn fault(&self, folder: &str, error: io::Error) -> SourceFault {
        SourceFault(format!("{} can't be read: {error}", self.root.join(folder).display()))
    }

    /// A folder that was replaced by one without any of the known tasks withdraws none of them: a volume may be unmounted.
    fn check_identity(&mut self, folder: &str, holds: impl Fn(&Place) -> bool) -> Result<(), SourceFault> {
        let path = self.root.join(folder);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
        let now = (metadata.dev(), metadata.ino());
        let other = self.scans.identities.get(folder).is_some_and(|before| *before != now);
        let mut known = self.known.iter().filter(|((own, _), known)| {
            (folder.is_empty() || own == folder) && (known.handed_out || known.is_active())
        });
        if other && known.clone().next().is_some() && !known.any(|(place, _)| holds(place)) {
            let why = format!(
                "{} was replaced by a folder without any of the tasks that were launched from it: is a volume unmounted? If this \
                 is intended, restart podrules",
                path.display()
            );
            return Err(SourceFault(why));
        }
        self.scans.identities.insert(folder.to_owned(), now);
        Ok(())
    }

    /// Whether a folder may have changed since it was listed.
    fn has_changed(&mut self, folder: &str) -> bool {
        let changed = fs::metadata(self.root.join(folder)).and_then(|metadata| metadata.modified());
        let changed = changed.unwrap_or(SystemTime::UNIX_EPOCH);
        let recent = SystemTime::now().duration_since(changed).map_or(true, |age| age < RECENT);
        let before = self.scans.folders.get(folder);
        let unsettled = |known: &Known| known.invalid.is_some() || known.missing.is_some();
        let unsettled = self.known.iter().any(|((own, _), known)| own == folder && unsettled(known));
        let again =
            recent || unsettled || before.is_none_or(|(at, read)| *at != changed || read.elapsed() > LIST_ANYWAY);
        if again {
            self.scans.folders.insert(folder.to_owned(), (changed, Instant::now()));
        }
        again
    }

    /// Compares a listing with the known files of the folder.
    fn compare(&mut self, folder: &str, listing: Listing) {
        let Listing { names, .. } = listing;
        let places: Vec<Place> = self.known.keys().filter(|(own, _)| own == folder).cloned().collect();
        for place in places {
            if names.contains(&place.1) { self.file_is_there(&place, &names) } else { self.file_is_missing(&place) }
        }
        for name in names.iter().filter(|name| is_task(name)) {
            let place = (folder.to_owned(), name.clone());
            if !self.known.contains_key(&place) {
                self.file_is_new(place, names.contains(&format!("{name}{SUFFIX}")));
            }
        }
        for name in &names {
            let Some(task) = name.strip_suffix(SUFFIX).filter(|task| is_task(task) && !names.contains(*task)) else {
                continue;
            };
            let place = (folder.to_owned(), task.to_owned());
            if !self.known.contains_key(&place) {
                self.status_is_left(place);
            }
        }
    }

    /// A task file that wasn't known.
    fn file_is_new(&mut self, place: Place, has_status: bool) {
        if self.known.len() >= MAX_FILES {
            if !std::mem::replace(&mut self.scans.full, true) {
                tracing::error!(most = MAX_FILES, "too many task files; the rest wait");
            }
            return;
        }
        // Not a regular file, or removed again.
        let Some((modified, _)) = fingerprint(&self.path(&place)) else { return };
        let status = has_status.then(|| Status::read(&self.status_path(&place))).flatten();
        let state = status.as_ref().map_or(TaskState::Waiting, Status::state);
        let key = status.map(|status| status.task).filter(|task| !task.is_empty());
        let key = key.map(|task| label_value(&task)).unwrap_or_default();
        // A file that held no task has no key, and may have been corrected.
        let invalid = (state.has_ended() && key.is_empty())
            .then(|| fingerprint(&self.path(&place)).map(|fingerprint| (fingerprint, Instant::now(), true)))
            .flatten();
        if !key.is_empty() && state != TaskState::Waiting && !self.places.contains_key(&key) {
            self.places.insert(key.clone(), place.clone());
        }
        let order = (modified, place.1.clone());
        let key = if state == TaskState::Waiting { String::new() } else { key };
        self.known.insert(
            place.clone(),
            Known { key, state, handed_out: false, has_record: has_status, missing: None, gone: false, invalid, order },
        );
        if state == TaskState::Waiting {
            self.unread = true;
            self.enqueue(&place);
        }
    }

    /// A known file that is there.
    fn file_is_there(&mut self, place: &Place, names: &HashSet<String>) {
        let now = fingerprint(&self.path_if_invalid(place));
        let Some(known) = self.known.get_mut(place) else { return };
        known.gone = false;
        known.missing = None;
        let has_status = names.contains(&format!("{}{SUFFIX}", place.1));
        match (known.invalid, known.state) {
            // It may have been incomplete, and is read again.
            (Some(_), TaskState::Waiting | TaskState::Launched | TaskState::Running) => self.relaunch(place),
            (Some((before, _, recorded)), TaskState::Ended(_)) => {
                let corrected = now.is_some_and(|now| now != before) || (recorded && !has_status);
                if corrected {
                    known.invalid = None;
                    let _ = fs::remove_file(self.status_path(place));
                }
                // Or its status couldn't be written.
                if corrected || !recorded {
                    self.relaunch(place);
                }
            }
            (None, TaskState::Ended(_)) if !has_status => self.relaunch(place),
            (None, _) => {}
        }
    }

    /// The path of a file whose changes matter; an empty path, which costs no system call, for the others.
    fn path_if_invalid(&self, place: &Place) -> std::path::PathBuf {
        match self.known.get(place) {
            Some(known) if known.invalid.is_some() => self.path(place),
            _ => std::path::PathBuf::new(),
        }
    }

    /// Puts a file back into its queue.
    fn relaunch(&mut self, place: &Place) {
        if let Some(known) = self.known.get_mut(place) {
            known.state = TaskState::Waiting;
            known.handed_out = false;
        }
        self.enqueue(place);
    }

    /// A known file that isn't there.
    fn file_is_missing(&mut self, place: &Place) {
        let Some(known) = self.known.get_mut(place) else { return };
        if known.gone {
            return;
        }
        if known.handed_out || known.is_active() {
            if known.missing.get_or_insert_with(Instant::now).elapsed() < MISSING {
                return;
            }
            known.gone = true;
            self.withdrawn.push(known.key.clone());
            return;
        }
        self.forget(place);
    }

    /// A status file whose task file was removed while no process watched.
    fn status_is_left(&mut self, place: Place) {
        match Status::read(&self.status_path(&place)) {
            Some(status) if is_active(status.state()) && !status.task.is_empty() => {
                let key = label_value(&status.task);
                if self.places.contains_key(&key) {
                    return;
                }
                tracing::info!(task = %printable_line(&key), "the task's file was removed");
                self.places.insert(key.clone(), place.clone());
                self.withdrawn.push(key.clone());
                let order = (SystemTime::UNIX_EPOCH, place.1.clone());
                let known = Known {
                    key,
                    state: TaskState::Launched,
                    handed_out: false,
                    has_record: true,
                    missing: None,
                    gone: true,
                    invalid: None,
                    order,
                };
                self.known.insert(place, known);
            }
            // Not a status file, or an incomplete one.
            None => {}
            Some(_) => {
                let _ = fs::remove_file(self.status_path(&place));
            }
        }
    }
}

/// Whether a name is that of a task file.
fn is_task(name: &str) -> bool {
    let ends = [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    ends && !name.starts_with('.') && !name.ends_with(SUFFIX)
}

fn list(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing { names: HashSet::new(), folders: Vec::new() };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        // A link to a folder is a folder, as in a mounted ConfigMap.
        let kind = entry.file_type()?;
        if kind.is_dir() || (kind.is_symlink() && !is_task(&name) && entry.path().is_dir()) {
            listing.folders.push(name);
        } else {
            listing.names.insert(name);
        }
    }
    Ok(listing)
}

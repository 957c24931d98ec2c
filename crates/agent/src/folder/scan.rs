//! What is in the folder now, against what is known of it.

use super::file::print;
use super::status::{SUFFIX, Stage, Status};
use super::{FolderSource, Known, Place};
use crate::source::SourceFault;
use podrules::diagnostic::render::printable_line;
use podrules::pod::names::label_value;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The least time between two scans.
const PAUSE: Duration = Duration::from_millis(400);
/// How many times as long as a scan takes it is waited until the next.
const SHARE: u32 = 20;
/// A folder that has not changed is read again after this time all the same: clocks and file systems may mislead.
const LONGEST: Duration = Duration::from_secs(10);
/// A change so young may hide another in the same tick of the file system's clock.
const YOUNG: Duration = Duration::from_secs(2);
/// How long the file of a task that was given out is missing before it counts as removed.
pub(super) const MISSING: Duration = Duration::from_secs(1);
/// Tasks that are looked after.
const MOST: usize = 100_000;

/// When what was scanned.
#[derive(Debug, Default)]
pub struct Scans {
    pub(super) next: Option<Instant>,
    folders: HashMap<String, (SystemTime, Instant)>,
    /// Which folders they are, by device and inode: another disk may be mounted, or none.
    which: HashMap<String, (u64, u64)>,
    full: bool,
}

impl Scans {
    /// Whether nothing was scanned yet.
    pub fn is_first(&self) -> bool {
        self.next.is_none()
    }
}

/// The names in a folder.
struct Listing {
    names: HashSet<String>,
    folders: Vec<String>,
}

impl FolderSource {
    /// Looks at what has changed, if it is time to.
    pub(super) fn scan(&mut self) -> Result<(), SourceFault> {
        let started = Instant::now();
        if self.scans.next.is_some_and(|next| started < next) {
            return Ok(());
        }
        self.scans.next = Some(started + PAUSE);
        let root = list(&self.root).map_err(|error| self.fault("", error))?;
        self.is_the_same("", |(folder, name)| {
            if folder.is_empty() { root.names.contains(name) } else { root.folders.contains(folder) }
        })?;
        let folders: HashSet<String> = root.folders.iter().cloned().collect();
        self.look("", root);
        let mut fault = None;
        for folder in &folders {
            if !self.has_changed(folder) {
                continue;
            }
            // One that can't be read keeps its tasks.
            match list(&self.root.join(folder)) {
                Ok(listing) => match self.is_the_same(folder, |(_, name)| listing.names.contains(name)) {
                    Ok(()) => self.look(folder, listing),
                    Err(other) => fault = Some(other),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => fault = Some(self.fault(folder, error)),
            }
        }
        // Folders that have gone took their tasks with them.
        let known: HashSet<String> = self.known.keys().map(|(folder, _)| folder.clone()).collect();
        for folder in known.iter().filter(|folder| !folder.is_empty() && !folders.contains(*folder)) {
            self.look(folder, Listing { names: HashSet::new(), folders: Vec::new() });
            self.scans.folders.remove(folder);
            self.scans.which.remove(folder);
        }
        self.scans.next = Some(started + PAUSE.max(started.elapsed() * SHARE));
        fault.map_or(Ok(()), Err)
    }

    fn fault(&self, folder: &str, error: io::Error) -> SourceFault {
        SourceFault(format!("{} can't be read: {error}", self.root.join(folder).display()))
    }

    /// A folder that was changed for another one, which holds nothing that is known, took no task back: its disk may be away.
    fn is_the_same(&mut self, folder: &str, holds: impl Fn(&Place) -> bool) -> Result<(), SourceFault> {
        let path = self.root.join(folder);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
        let now = (metadata.dev(), metadata.ino());
        let other = self.scans.which.get(folder).is_some_and(|before| *before != now);
        let mut known = self.known.iter().filter(|((own, _), known)| {
            (folder.is_empty() || own == folder) && (known.given || known.stage == Stage::Launched)
        });
        if other && known.clone().next().is_some() && !known.any(|(place, _)| holds(place)) {
            let why = format!(
                "{} is another folder than before, and holds none of the tasks that were launched from it: is a disk away? If it \
                 is meant to be so, start podrules anew",
                path.display()
            );
            return Err(SourceFault(why));
        }
        self.scans.which.insert(folder.to_owned(), now);
        Ok(())
    }

    /// Whether a folder may hold something else than when it was read last.
    fn has_changed(&mut self, folder: &str) -> bool {
        let changed = fs::metadata(self.root.join(folder)).and_then(|metadata| metadata.modified());
        let changed = changed.unwrap_or(SystemTime::UNIX_EPOCH);
        let young = SystemTime::now().duration_since(changed).map_or(true, |age| age < YOUNG);
        let before = self.scans.folders.get(folder);
        let open = |known: &Known| known.broken.is_some() || known.missing.is_some();
        let unsure = self.known.iter().any(|((own, _), known)| own == folder && open(known));
        let again = young || unsure || before.is_none_or(|(at, read)| *at != changed || read.elapsed() > LONGEST);
        if again {
            self.scans.folders.insert(folder.to_owned(), (changed, Instant::now()));
        }
        again
    }

    /// Takes in what a folder holds.
    fn look(&mut self, folder: &str, listing: Listing) {
        let Listing { names, .. } = listing;
        let places: Vec<Place> = self.known.keys().filter(|(own, _)| own == folder).cloned().collect();
        for place in places {
            if names.contains(&place.1) { self.still_there(&place, &names) } else { self.went(&place) }
        }
        for name in names.iter().filter(|name| is_task(name)) {
            let place = (folder.to_owned(), name.clone());
            if !self.known.contains_key(&place) {
                self.meet(place, names.contains(&format!("{name}{SUFFIX}")));
            }
        }
        for name in &names {
            let Some(task) = name.strip_suffix(SUFFIX).filter(|task| is_task(task) && !names.contains(*task)) else {
                continue;
            };
            let place = (folder.to_owned(), task.to_owned());
            if !self.known.contains_key(&place) {
                self.left_alone(place);
            }
        }
    }

    /// A file that wasn't there before.
    fn meet(&mut self, place: Place, has_status: bool) {
        if self.known.len() >= MOST {
            if !std::mem::replace(&mut self.scans.full, true) {
                tracing::error!(most = MOST, "there are more task files than are looked after: the rest waits");
            }
            return;
        }
        // What is no file, or has gone again, is no task.
        let Some((modified, _)) = print(&self.path(&place)) else { return };
        let status = has_status.then(|| Status::read(&self.status_path(&place))).flatten();
        let stage = status.as_ref().map_or(Stage::Waiting, Status::stage);
        let key = status.map(|status| status.task).filter(|task| !task.is_empty());
        let key = key.map(|task| label_value(&task)).unwrap_or_default();
        // What couldn't be read has no key, and may be mended.
        let broken = (stage == Stage::Ended && key.is_empty())
            .then(|| print(&self.path(&place)).map(|print| (print, Instant::now(), true)))
            .flatten();
        if !key.is_empty() && stage != Stage::Waiting && !self.places.contains_key(&key) {
            self.places.insert(key.clone(), place.clone());
        }
        let order = (modified, place.1.clone());
        let key = if stage == Stage::Waiting { String::new() } else { key };
        self.known.insert(
            place.clone(),
            Known { key, stage, given: false, said: has_status, missing: None, gone: false, broken, order },
        );
        if stage == Stage::Waiting {
            self.unread = true;
            self.wait(&place);
        }
    }

    /// A file that is known, and there.
    fn still_there(&mut self, place: &Place, names: &HashSet<String>) {
        let now = print(&self.path_if_broken(place));
        let Some(known) = self.known.get_mut(place) else { return };
        known.gone = false;
        known.missing = None;
        let has_status = names.contains(&format!("{}{SUFFIX}", place.1));
        match (known.broken, known.stage) {
            // It may have been half written: it is read again.
            (Some(_), Stage::Waiting | Stage::Launched) => self.relaunch(place),
            (Some((before, _, told)), Stage::Ended) => {
                let mended = now.is_some_and(|now| now != before) || (told && !has_status);
                if mended {
                    known.broken = None;
                    let _ = fs::remove_file(self.status_path(place));
                }
                // Or its status couldn't be written.
                if mended || !told {
                    self.relaunch(place);
                }
            }
            (None, Stage::Ended) if !has_status => self.relaunch(place),
            (None, _) => {}
        }
    }

    /// The path of a file whose changes matter; another costs no look.
    fn path_if_broken(&self, place: &Place) -> std::path::PathBuf {
        match self.known.get(place) {
            Some(known) if known.broken.is_some() => self.path(place),
            _ => std::path::PathBuf::new(),
        }
    }

    /// It waits again.
    fn relaunch(&mut self, place: &Place) {
        if let Some(known) = self.known.get_mut(place) {
            known.stage = Stage::Waiting;
            known.given = false;
        }
        self.wait(place);
    }

    /// A file that has gone.
    fn went(&mut self, place: &Place) {
        let Some(known) = self.known.get_mut(place) else { return };
        if known.gone {
            return;
        }
        if known.given || known.stage == Stage::Launched {
            if known.missing.get_or_insert_with(Instant::now).elapsed() < MISSING {
                return;
            }
            known.gone = true;
            self.unwanted.push(known.key.clone());
            return;
        }
        self.forget(place);
    }

    /// A status whose task's file has gone while no process looked.
    fn left_alone(&mut self, place: Place) {
        match Status::read(&self.status_path(&place)) {
            Some(status) if status.stage() == Stage::Launched && !status.task.is_empty() => {
                let key = label_value(&status.task);
                if self.places.contains_key(&key) {
                    return;
                }
                tracing::info!(task = %printable_line(&key), "its file was removed");
                self.places.insert(key.clone(), place.clone());
                self.unwanted.push(key.clone());
                let order = (SystemTime::UNIX_EPOCH, place.1.clone());
                let known = Known {
                    key,
                    stage: Stage::Launched,
                    given: false,
                    said: true,
                    missing: None,
                    gone: true,
                    broken: None,
                    order,
                };
                self.known.insert(place, known);
            }
            // Somebody else's file, or one that is being written.
            None => {}
            Some(_) => {
                let _ = fs::remove_file(self.status_path(&place));
            }
        }
    }
}

/// Whether a name is that of a task's file.
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

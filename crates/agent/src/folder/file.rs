//! A task's file, read: JSON, or YAML for people who write one by hand.

use podrules::diagnostic::render::human;
use podrules::diagnostic::{Diagnostic, Diagnostics, Sources};
use podrules::source::{self, MAX_TASK_BYTES, decode, json, yaml};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// Characters of a task's id.
const LONGEST_ID: usize = 253;

/// By what a change of a file is seen.
pub type Print = (SystemTime, u64);

/// A file that was read, or why not.
pub enum Found {
    /// A task with its id.
    Task(String, Value),
    /// It is no task, or not yet: what is wrong, for people.
    Broken(String),
    /// It isn't there.
    Gone,
}

/// The print of a file; nothing if it is none, or isn't there.
pub fn print(path: &Path) -> Option<Print> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads a task. A pipe or a device makes nobody wait.
pub fn read(path: &Path, name: &str) -> Found {
    let mut bytes = Vec::new();
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let read = opened.and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        file.take(MAX_TASK_BYTES as u64 + 1).read_to_end(&mut bytes)
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Gone,
        Err(error) => return Found::Broken(format!("{name} can't be read: {error}")),
        Ok(_) => {}
    }
    let mut sources = Sources::new();
    match parse(&mut sources, name, bytes) {
        Ok(value) => match value.get("id").and_then(Value::as_str) {
            Some(id) if (1..=LONGEST_ID).contains(&id.len()) => Found::Task(id.to_owned(), value),
            _ => Found::Broken(format!("{name}: the task has no `id` that is a text of up to {LONGEST_ID} bytes")),
        },
        Err(found) => Found::Broken(human(&found, &sources, false)),
    }
}

fn parse(sources: &mut Sources, name: &str, bytes: Vec<u8>) -> Result<Value, Vec<Diagnostic>> {
    let text = decode(name, bytes, MAX_TASK_BYTES).map_err(|diagnostic| vec![diagnostic])?;
    let is_json = text.trim_start().starts_with(['{', '[']) || text.trim().is_empty();
    let file = sources.add(name, text);
    let value = if is_json {
        json::read(sources, file).map_err(|diagnostic| vec![diagnostic])?
    } else {
        let mut found = Diagnostics::new();
        let first = yaml::read(sources, file, &mut found).into_iter().next();
        match first {
            Some(node) if !found.has_errors() => node.to_value(),
            _ => return Err(found.into_vec()),
        }
    };
    source::task(value).map_err(|diagnostic| vec![diagnostic])
}

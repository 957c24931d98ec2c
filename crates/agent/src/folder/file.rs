//! Reads a task file: JSON, or YAML for people who write it by hand.

use podrules::diagnostic::render::human;
use podrules::diagnostic::{Diagnostic, Diagnostics, Sources};
use podrules::source::{self, MAX_TASK_BYTES, decode, json, yaml};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// Bytes of a task's id.
const MAX_ID: usize = 253;

/// The modification time and size of a file: when they change, the content may have.
pub type Fingerprint = (SystemTime, u64);

/// What a file holds.
pub enum Found {
    /// A task, with its id.
    Task(String, Value),
    /// Not a task, or not a complete one yet; the message is for people.
    Invalid(String),
    /// The file doesn't exist.
    Gone,
}

/// The fingerprint of a regular file; `None` for anything else.
pub fn fingerprint(path: &Path) -> Option<Fingerprint> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads a task. A pipe or a device doesn't block. `name` is how messages call the file.
pub fn read(path: &Path, name: &str) -> Found {
    let mut bytes = Vec::new();
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let read = opened.and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        file.take(MAX_TASK_BYTES as u64 + 1).read_to_end(&mut bytes)
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Gone,
        Err(error) => return Found::Invalid(format!("{name} can't be read: {error}")),
        Ok(_) => {}
    }
    let mut sources = Sources::new();
    match parse(&mut sources, name, bytes) {
        Ok(value) => match value.get("id").and_then(Value::as_str) {
            Some(id) if (1..=MAX_ID).contains(&id.len()) => Found::Task(id.to_owned(), value),
            _ => Found::Invalid(format!(
                "{name}: the task's `id` is missing, not a string, or longer than {MAX_ID} bytes"
            )),
        },
        Err(found) => Found::Invalid(human(&found, &sources, false)),
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

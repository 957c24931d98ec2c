//! Editing a JSON document so that every change can be undone and traced.
//!
//! All operations, scripts too, change the Pod only through [`Editor`]; its log is at once the undo log of a
//! rule's transaction and the trace that `explain` reads. Values that are replaced are moved into the log, never copied.

pub mod json_patch;
pub mod merge_patch;
mod pointer;
pub mod replace;
mod size;

pub use pointer::{Pointer, Step};
use pointer::{field, field_mut};
pub use size::weight;
use size::{elements, fits};

use serde_json::{Map, Value};
use std::cell::Cell;

/// One primitive change, with what is needed to undo it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The place that changed.
    pub at: Pointer,
    /// What changed there.
    pub kind: ChangeKind,
    /// The number of the step that made it; see [`Editor::author`].
    pub author: u32,
}

/// The kind of a change, with the value that it replaced or removed.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// A key or the whole document got another value; this was there before.
    Replaced(Value),
    /// A new key was added, at the end of its object.
    Added,
    /// An element was inserted into a list; those from there on moved up by one.
    Inserted,
    /// A key was removed; this was its place among the keys, and its value.
    RemovedKey(usize, Value),
    /// An element was removed from a list; those after it moved down by one.
    RemovedItem(Value),
}

/// Why a primitive change can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The parent of the place is missing.
    #[error("{0} does not exist")]
    Missing(Box<Pointer>),
    /// The parent exists, but isn't the object or the list that the step needs.
    #[error("{at} is {found}, not {wanted}")]
    NotA {
        /// The parent.
        at: Box<Pointer>,
        /// Its type.
        found: &'static str,
        /// The type that it would have to be.
        wanted: &'static str,
    },
    /// The document would nest deeper than a Pod may.
    #[error("{0} would nest deeper than {MAX_DEPTH} levels")]
    TooDeep(Box<Pointer>),
    /// More would be written than a Pod could hold.
    #[error("the edits write more than {} MiB", MAX_WRITTEN >> 20)]
    TooMuch,
    /// An index past the end of its list.
    #[error("index {index} is past the end of {at}, which has {}", elements(*.len))]
    PastEnd {
        /// The list.
        at: Box<Pointer>,
        /// The requested index.
        index: usize,
        /// The number of elements in the list.
        len: usize,
    },
}

/// The deepest nesting that an edit may make: as deep as YAML is read. Deeper values could overflow the stack of
/// whatever walks them.
pub const MAX_DEPTH: usize = 100;
/// The most that all edits of a document may write together, in bytes of [`weight`]. The API server accepts objects of up
/// to 1.5 MiB.
const MAX_WRITTEN: usize = 64 << 20;
/// The most nodes that may be visited to find the places of all edits: about a second of work.
const MAX_VISITED: usize = 50_000_000;

impl EditError {
    /// Whether a limit was exceeded, as opposed to an edit that doesn't fit the document.
    pub fn is_limit(&self) -> bool {
        matches!(self, EditError::TooDeep(_) | EditError::TooMuch)
    }
}

/// A document that is being edited, with the log of its changes.
#[derive(Debug, Default)]
pub struct Editor {
    root: Value,
    log: Vec<Change>,
    version: u64,
    /// The bytes written so far, undone or not.
    written: usize,
    /// The nodes visited so far to find places.
    visited: Cell<usize>,
    /// The author of the changes that follow. A run sets it to the number of the step that it runs.
    pub author: u32,
}

impl Editor {
    /// Starts with a document and an empty log.
    pub fn new(root: Value) -> Self {
        Editor { root, log: Vec::new(), version: 0, written: 0, visited: Cell::new(0), author: 0 }
    }

    /// The current document.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// All changes so far, oldest first.
    pub fn log(&self) -> &[Change] {
        &self.log
    }

    /// Splits the editor into the document and its log.
    pub fn into_parts(self) -> (Value, Vec<Change>) {
        (self.root, self.log)
    }

    /// A number that grows with every change and every undo: the same version means the same document.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The current end of the log, for [`Editor::rollback`].
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Drops the log from `mark` on: its changes stay in the document and can't be undone.
    pub fn forget(&mut self, mark: usize) {
        self.log.truncate(mark);
    }

    /// Undoes every change made since `mark`, newest first, and drops it from the log.
    pub fn rollback(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some(change) = self.log.pop() {
                self.version += 1;
                undo(&mut self.root, change);
            }
        }
    }

    /// The value at a place, if there is one.
    pub fn get(&self, at: &Pointer) -> Option<&Value> {
        at.get(&self.root)
    }

    /// Sets the value at a place: replaces what is there, adds a key to an object, or an element at the very end
    /// of a list. Writing an equal value is not a change.
    ///
    /// # Errors
    /// If the parent is missing or of another type, the index is past the end, or a limit is exceeded.
    pub fn set(&mut self, at: &Pointer, value: Value) -> Result<(), EditError> {
        self.admit(at, &value)?;
        let Some((last, parent)) = at.split_last() else {
            if self.root != value {
                let before = std::mem::replace(&mut self.root, value);
                self.record(at.clone(), ChangeKind::Replaced(before));
            }
            return Ok(());
        };
        let kind = match (resolve(&mut self.root, parent)?, last) {
            (Value::Object(map), Step::Key(key)) => match map.get_mut(key.as_str()) {
                Some(slot) if *slot == value => return Ok(()),
                Some(slot) => ChangeKind::Replaced(std::mem::replace(slot, value)),
                None => {
                    map.insert(key.to_string(), value);
                    ChangeKind::Added
                }
            },
            (Value::Array(list), Step::Index(index)) => {
                let len = list.len();
                match list.get_mut(*index) {
                    Some(slot) if *slot == value => return Ok(()),
                    Some(slot) => ChangeKind::Replaced(std::mem::replace(slot, value)),
                    None if *index == len => {
                        list.push(value);
                        ChangeKind::Inserted
                    }
                    None => return Err(EditError::PastEnd { at: Pointer::from(parent).into(), index: *index, len }),
                }
            }
            (found, step) => return Err(mismatch(parent, found, step)),
        };
        self.record(at.clone(), kind);
        Ok(())
    }

    /// Inserts a value into a list before the element at `index`; an index equal to the length appends.
    ///
    /// # Errors
    /// If there is no list, the index is past its end, or a limit is exceeded.
    pub fn insert(&mut self, list: &Pointer, index: usize, value: Value) -> Result<(), EditError> {
        self.admit(list, &value)?;
        match resolve(&mut self.root, list.steps())? {
            Value::Array(items) if index <= items.len() => items.insert(index, value),
            Value::Array(items) => return Err(EditError::PastEnd { at: list.clone().into(), index, len: items.len() }),
            found => return Err(mismatch(list.steps(), found, &Step::Index(index))),
        }
        self.record(list.child(index), ChangeKind::Inserted);
        Ok(())
    }

    /// Removes a key or an element and keeps the order of the rest; the root becomes null.
    ///
    /// # Errors
    /// If there is nothing at the place.
    pub fn remove(&mut self, at: &Pointer) -> Result<(), EditError> {
        let Some((last, parent)) = at.split_last() else {
            let before = std::mem::take(&mut self.root);
            self.record(at.clone(), ChangeKind::Replaced(before));
            return Ok(());
        };
        let kind = match (resolve(&mut self.root, parent)?, last) {
            (Value::Object(map), Step::Key(key)) => {
                let place = map.keys().position(|k| k == key.as_str());
                match (place, map.shift_remove(key.as_str())) {
                    (Some(place), Some(value)) => ChangeKind::RemovedKey(place, value),
                    _ => return Err(EditError::Missing(at.clone().into())),
                }
            }
            (Value::Array(list), Step::Index(index)) if *index < list.len() => {
                ChangeKind::RemovedItem(list.remove(*index))
            }
            (Value::Array(_), Step::Index(_)) => return Err(EditError::Missing(at.clone().into())),
            (found, step) => return Err(mismatch(parent, found, step)),
        };
        self.record(at.clone(), kind);
        Ok(())
    }

    /// Makes sure that there is a list at `at`, creating it and the objects and lists on the way. A null counts as absent.
    ///
    /// # Errors
    /// If something else is there, and as [`Editor::set_creating`].
    pub fn ensure_list(&mut self, at: &Pointer) -> Result<(), EditError> {
        match self.get(at) {
            Some(Value::Array(_)) => Ok(()),
            None | Some(Value::Null) => self.set_creating(at, Value::Array(Vec::new())),
            Some(value) => Err(EditError::NotA { at: at.clone().into(), found: kind_of(value), wanted: "a list" }),
        }
    }

    /// Sets the value at a place and creates the objects and lists that are missing on the way, in one change. A null
    /// on the way counts as absent; an index must be within its list or directly at its end.
    ///
    /// # Errors
    /// If something on the way has another type, an index is past the end, or a limit is exceeded.
    pub fn set_creating(&mut self, at: &Pointer, value: Value) -> Result<(), EditError> {
        let steps = at.steps();
        if steps.len() > MAX_DEPTH {
            return Err(EditError::TooDeep(at.clone().into()));
        }
        let mut here = &self.root;
        for (depth, step) in steps.iter().enumerate() {
            let next = match (here, step) {
                (Value::Object(map), Step::Key(key)) => field(map, key),
                (Value::Array(list), Step::Index(index)) if *index <= list.len() => list.get(*index),
                (Value::Array(list), Step::Index(index)) => {
                    return Err(EditError::PastEnd {
                        at: Pointer::from(&steps[..depth]).into(),
                        index: *index,
                        len: list.len(),
                    });
                }
                (found, step) => return Err(mismatch(&steps[..depth], found, step)),
            };
            let last = depth + 1 == steps.len();
            match next {
                Some(next) if last || !next.is_null() => here = next,
                _ => {
                    let built = build(&steps[..=depth], &steps[depth + 1..], value)?;
                    return self.set(&Pointer::from(&steps[..=depth]), built);
                }
            }
        }
        self.set(at, value)
    }

    /// Counts nodes visited to find places in the document; returns false once there were too many.
    pub fn visit(&self, nodes: usize) -> bool {
        self.visited.set(self.visited.get().saturating_add(nodes));
        self.visited.get() <= MAX_VISITED
    }

    /// Checks that a value may be written at a place: how deep it would be, and how much was written in all.
    fn admit(&mut self, at: &Pointer, value: &Value) -> Result<(), EditError> {
        let levels = MAX_DEPTH.checked_sub(at.steps().len());
        if !levels.is_some_and(|levels| fits(value, levels)) {
            return Err(EditError::TooDeep(at.clone().into()));
        }
        self.written = self.written.saturating_add(weight(value) + size_of::<Change>());
        if self.written > MAX_WRITTEN { Err(EditError::TooMuch) } else { Ok(()) }
    }

    fn record(&mut self, at: Pointer, kind: ChangeKind) {
        self.version += 1;
        self.log.push(Change { at, kind, author: self.author });
    }
}

/// Wraps `value` in the objects and lists that `rest` names.
fn build(done: &[Step], rest: &[Step], value: Value) -> Result<Value, EditError> {
    let mut value = value;
    for (depth, step) in rest.iter().enumerate().rev() {
        value = match step {
            Step::Key(key) => Value::Object(Map::from_iter([(key.to_string(), value)])),
            Step::Index(0) => Value::Array(vec![value]),
            Step::Index(index) => {
                let at = Pointer::from([done, &rest[..depth]].concat().as_slice());
                return Err(EditError::PastEnd { at: at.into(), index: *index, len: 0 });
            }
        };
    }
    Ok(value)
}

fn resolve<'v>(root: &'v mut Value, steps: &[Step]) -> Result<&'v mut Value, EditError> {
    let mut here = root;
    for (depth, step) in steps.iter().enumerate() {
        let next = match (here, step) {
            (Value::Object(map), Step::Key(key)) => field_mut(map, key),
            (Value::Array(list), Step::Index(index)) => list.get_mut(*index),
            (found, step) => return Err(mismatch(&steps[..depth], found, step)),
        };
        here = next.ok_or_else(|| EditError::Missing(Pointer::from(&steps[..=depth]).into()))?;
    }
    Ok(here)
}

fn mismatch(parent: &[Step], found: &Value, step: &Step) -> EditError {
    let wanted = match step {
        Step::Key(_) => "an object",
        Step::Index(_) => "a list",
    };
    EditError::NotA { at: Pointer::from(parent).into(), found: kind_of(found), wanted }
}

/// The type of a value in words, such as `a list`.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Undoes one change of `root`, which must be the newest; returns the value that was there after the change, if any.
pub fn undo(root: &mut Value, change: Change) -> Option<Value> {
    let Some((last, parent)) = change.at.split_last() else {
        return match change.kind {
            ChangeKind::Replaced(before) => Some(std::mem::replace(root, before)),
            _ => None,
        };
    };
    // The log holds only changes that were made, so the parent is there unless the caller undoes out of order.
    let parent = resolve(root, parent).ok()?;
    match (parent, last, change.kind) {
        (Value::Object(map), Step::Key(key), ChangeKind::Replaced(before)) => {
            map.get_mut(key.as_str()).map(|slot| std::mem::replace(slot, before))
        }
        (Value::Array(list), Step::Index(index), ChangeKind::Replaced(before)) => {
            list.get_mut(*index).map(|slot| std::mem::replace(slot, before))
        }
        (Value::Object(map), Step::Key(key), ChangeKind::Added) => map.shift_remove(key.as_str()),
        (Value::Array(list), Step::Index(index), ChangeKind::Inserted) if *index < list.len() => {
            Some(list.remove(*index))
        }
        (Value::Object(map), Step::Key(key), ChangeKind::RemovedKey(place, before)) => {
            map.shift_insert(place.min(map.len()), key.to_string(), before);
            None
        }
        (Value::Array(list), Step::Index(index), ChangeKind::RemovedItem(before)) => {
            list.insert((*index).min(list.len()), before);
            None
        }
        _ => None,
    }
}

//! Editing a JSON document so that every change can be undone, told and traced.
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
use size::fits;
pub use size::weight;

use serde_json::{Map, Value};
use std::cell::Cell;

/// One primitive change, with what is needed to take it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where.
    pub at: Pointer,
    /// What.
    pub kind: ChangeKind,
    /// Who; see [`Editor::author`].
    pub author: u32,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// A key or the whole document got another value; this was there before.
    Replaced(Value),
    /// A key that was not there was added, at the end of its object.
    Added,
    /// An element was put into a list; those from there on moved up by one.
    Inserted,
    /// A key was removed; this was its place among the keys, and its value.
    RemovedKey(usize, Value),
    /// An element was taken out of a list; those after it moved down by one.
    RemovedItem(Value),
}

/// Why a primitive change can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The parent of the place is missing.
    #[error("{0} does not exist")]
    Missing(Box<Pointer>),
    /// The parent is there, but isn't an object or a list as the step needs.
    #[error("{at} is {found}, not {wanted}")]
    NotA {
        /// The parent.
        at: Box<Pointer>,
        /// What it is.
        found: &'static str,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// The document would nest deeper than a Pod may.
    #[error("{0} would nest deeper than {MAX_DEPTH} levels")]
    TooDeep(Box<Pointer>),
    /// More would be written than a Pod could hold.
    #[error("the edits write more than {} MiB", MAX_WRITTEN >> 20)]
    TooMuch,
    /// An index past the end of its list.
    #[error("index {index} is past the end of {at}, which has {len} elements")]
    PastEnd {
        /// The list.
        at: Box<Pointer>,
        /// The index asked for.
        index: usize,
        /// How many there are.
        len: usize,
    },
}

/// The deepest nesting that an edit may make: as deep as YAML is read. Deeper values could overflow the stack of
/// whatever walks them.
pub const MAX_DEPTH: usize = 100;
/// What all edits of a document may write together, in bytes of [`weight`]. The API server takes objects of 1.5 MiB.
const MAX_WRITTEN: usize = 64 << 20;
/// The nodes that may be looked at to find all places of all edits: about a second's work.
const MAX_VISITED: usize = 50_000_000;

impl EditError {
    /// Whether a bound was hit, rather than a mistake made.
    pub fn is_limit(&self) -> bool {
        matches!(self, EditError::TooDeep(_) | EditError::TooMuch)
    }
}

/// A document under edit.
#[derive(Debug, Default)]
pub struct Editor {
    root: Value,
    log: Vec<Change>,
    version: u64,
    /// What was written so far, undone or not.
    written: usize,
    /// The nodes that were looked at to find places, so far.
    visited: Cell<usize>,
    /// Marks the changes that follow: the runner sets it to the operation at work.
    pub author: u32,
}

impl Editor {
    /// Starts with a document and an empty log.
    pub fn new(root: Value) -> Self {
        Editor { root, log: Vec::new(), version: 0, written: 0, visited: Cell::new(0), author: 0 }
    }

    /// The document as it stands.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// All changes so far, oldest first.
    pub fn log(&self) -> &[Change] {
        &self.log
    }

    /// The document and its log.
    pub fn into_parts(self) -> (Value, Vec<Change>) {
        (self.root, self.log)
    }

    /// Grows with every change, those taken back too: the same version means that nothing was touched.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Where the log stands, for [`Editor::rollback`].
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Forgets the log from `mark` on; its changes stay and can't be taken back.
    pub fn forget(&mut self, mark: usize) {
        self.log.truncate(mark);
    }

    /// Takes back every change made since `mark`, newest first, and hands them out, oldest first.
    pub fn rollback(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some(change) = self.log.pop() {
                self.version += 1;
                undo(&mut self.root, change);
            }
        }
    }

    /// The value at a place.
    pub fn get(&self, at: &Pointer) -> Option<&Value> {
        at.get(&self.root)
    }

    /// Sets the value at a place: replaces what is there, adds a key to an object, or an element at the very end
    /// of a list. Writing what is there already is no change.
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

    /// Puts a value into a list before the element at `index`; an index equal to the length appends.
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

    /// Removes a key or an element and keeps the order of the rest; nothing there is an error.
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
    pub fn ensure_list(&mut self, at: &Pointer) -> Result<(), EditError> {
        match self.get(at) {
            Some(Value::Array(_)) => Ok(()),
            None | Some(Value::Null) => self.set_creating(at, Value::Array(Vec::new())),
            Some(value) => Err(EditError::NotA { at: at.clone().into(), found: kind_of(value), wanted: "a list" }),
        }
    }

    /// Sets the value at a place and creates the objects and lists that are missing on the way, in one change. A null
    /// on the way counts as absent; an index must be within its list or right at its end.
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

    /// Counts nodes that were looked at to find places in the document; false once they are too many.
    pub fn visit(&self, nodes: usize) -> bool {
        self.visited.set(self.visited.get().saturating_add(nodes));
        self.visited.get() <= MAX_VISITED
    }

    /// Keeps the document within its bounds.
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

/// What a value is, in words.
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

/// Takes one change back; gives the value that stood there after the change, if any did.
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

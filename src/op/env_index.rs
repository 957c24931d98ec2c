//! The index of each environment variable in long lists, kept from one `setEnv` to the next.
//!
//! Without it, hundreds of rules that each add a variable would search a list of hundreds each time.

use super::env_order::{look, may_refer, references};
use crate::edit::{Editor, Pointer};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// Searching a shorter list is faster than building an index of its names.
const WORTH_IT: usize = 48;

/// The lists that were searched since anything but `setEnv` last changed the Pod.
#[derive(Debug, Default)]
pub struct EnvIndex {
    /// The version of the Pod to which the lists belong.
    version: u64,
    lists: Vec<(Pointer, Known)>,
}

/// What is known of a list.
#[derive(Debug, Default)]
struct Known {
    /// Whether any of its values may refer to a variable. Usually none does, and the values need not be searched again.
    refers: bool,
    /// Its names, once the list is long enough.
    names: Option<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// The first index of each name.
    places: HashMap<SmolStr, usize>,
    /// The names to which values refer.
    awaited: HashSet<SmolStr>,
}

impl Names {
    fn of(list: &[Value]) -> Self {
        let mut names = Names::default();
        list.iter().enumerate().for_each(|(place, item)| names.add(place, item));
        names
    }

    fn add(&mut self, place: usize, item: &Value) {
        if let Some(name) = item.get("name").and_then(Value::as_str) {
            self.places.entry(name.into()).or_insert(place);
        }
        if let Some(value) = item.get("value").and_then(Value::as_str) {
            self.awaited.extend(references(value).map(SmolStr::new));
        }
    }
}

impl EnvIndex {
    /// The first index of a variable in `list`, the one at `at` in the Pod; if it isn't in the list, whether a value there
    /// refers to it.
    pub fn look(&mut self, pod: &Editor, at: &Pointer, list: &[Value], name: &str) -> (Option<usize>, bool) {
        if self.version != pod.version() {
            self.lists.clear();
            self.version = pod.version();
        }
        let seen = self.lists.iter().position(|(place, _)| place == at);
        let index = seen.unwrap_or_else(|| {
            let refers = list.iter().any(may_refer);
            self.lists.push((at.clone(), Known { refers, names: None }));
            self.lists.len() - 1
        });
        let known = &mut self.lists[index].1;
        if list.len() < WORTH_IT {
            return look(list, name, known.refers);
        }
        let names = known.names.get_or_insert_with(|| Names::of(list));
        match names.places.get(name) {
            Some(place) => (Some(*place), false),
            None => (None, names.awaited.contains(name)),
        }
    }

    /// Records that a variable was just added at the end of a list, by one change.
    pub fn appended(&mut self, pod: &Editor, at: &Pointer, place: usize, item: &Value) {
        if self.version + 1 != pod.version() {
            return;
        }
        self.version = pod.version();
        if let Some((_, known)) = self.lists.iter_mut().find(|(list, _)| list == at) {
            known.refers |= may_refer(item);
            if let Some(names) = &mut known.names {
                names.add(place, item);
            }
        }
    }
}

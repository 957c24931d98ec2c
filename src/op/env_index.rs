//! Where each variable stands in long lists of them, kept from one `setEnv` to the next.
//!
//! Hundreds of rules that each add a variable would else look through hundreds of them each time.

use super::env_order::{look, may_refer, references};
use crate::edit::{Editor, Pointer};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// Shorter lists are looked through sooner than an index of their names is made.
const WORTH_IT: usize = 48;

/// The lists looked at since anything but `setEnv` last changed the Pod.
#[derive(Debug, Default)]
pub struct EnvIndex {
    /// The Pod's version that the lists were seen at.
    version: u64,
    lists: Vec<(Pointer, Known)>,
}

/// What is known of a list.
#[derive(Debug, Default)]
struct Known {
    /// Whether any of its values may refer to a variable: mostly none does, and none need be looked at again.
    refers: bool,
    /// Its names, once it is long.
    names: Option<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// The first place of each name.
    places: HashMap<SmolStr, usize>,
    /// The names that some value refers to.
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
    /// The first place of a variable in `list`, which stands at a place of the Pod, and, if it has none, whether a value refers to it.
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

    /// Takes note of a variable that was just put at the end of a list, in one change.
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

//! Finds `vars:` that depend on themselves.

use crate::expr::ValueExpr;
use std::collections::{HashMap, HashSet};

/// The most that are reported; a file may hold a hundred thousand.
const MOST: usize = 100;

/// The names of those that depend on themselves, directly or through others, in order.
pub(super) fn cyclic(vars: &[(String, ValueExpr)]) -> Vec<&str> {
    let mut needs: HashMap<&str, Vec<&str>> = vars.iter().map(|(name, t)| (name.as_str(), t.vars())).collect();
    // Removes those whose dependencies are all removed; what is left is on a cycle, or depends on one.
    let mut needed_by: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (name, list) in &mut needs {
        list.sort_unstable();
        list.dedup();
        for needed in list.iter() {
            needed_by.entry(needed).or_default().push(name);
        }
        open.insert(name, list.len());
    }
    let mut done: Vec<&str> = open.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = done.pop() {
        open.remove(name);
        for other in needed_by.get(name).into_iter().flatten() {
            if let Some(count) = open.get_mut(other) {
                *count -= 1;
                if *count == 0 {
                    done.push(other);
                }
            }
        }
    }
    let left = vars.iter().map(|(name, _)| name.as_str()).filter(|name| open.contains_key(name));
    left.take(MOST).filter(|name| reaches_itself(name, &needs)).collect()
}

fn reaches_itself(name: &str, needs: &HashMap<&str, Vec<&str>>) -> bool {
    let mut reached: HashSet<&str> = HashSet::new();
    let mut todo: Vec<&str> = needs.get(name).cloned().unwrap_or_default();
    while let Some(next) = todo.pop() {
        if next == name {
            return true;
        }
        if reached.insert(next) {
            todo.extend(needs.get(next).into_iter().flatten());
        }
    }
    false
}

//! Rules by queue, so that a queue costs only what its own rules cost, however many others there are.

use super::Rule;
use super::selector::Verdict;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most queues whose rules are cached; more than an agent has.
const CACHED: usize = 4_096;

/// A queue's id and name, and the numbers of its rules.
type Cached = HashMap<(String, String), Arc<[u32]>>;

/// The index, and a cache of earlier lookups.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The rules that name their queues, by name.
    exact: HashMap<String, Vec<u32>>,
    /// The rules with patterns, or for every queue.
    others: Vec<u32>,
    cached: Mutex<Cached>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Index::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = number as u32;
            match rule.selector.exact_names() {
                Some(names) => {
                    for name in names {
                        index.exact.entry(name.to_owned()).or_default().push(number);
                    }
                }
                None => index.others.push(number),
            }
        }
        index
    }

    pub(super) fn rules_for(&self, rules: &[Rule], id: &str, name: &str) -> Arc<[u32]> {
        let lock = || self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (id.to_owned(), name.to_owned());
        if let Some(known) = lock().get(&key) {
            return Arc::clone(known);
        }
        let named =
            [id, name].into_iter().filter(|key| !key.is_empty()).filter_map(|key| self.exact.get(key)).flatten();
        let mut numbers: Vec<u32> = named.chain(&self.others).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|n| rules[*n as usize].selector.verdict(id, name) == Verdict::Selected);
        let numbers: Arc<[u32]> = numbers.into();
        let mut cached = lock();
        if cached.len() >= CACHED {
            cached.clear();
        }
        cached.insert(key, Arc::clone(&numbers));
        numbers
    }
}

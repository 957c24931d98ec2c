//! What a run gives: the Pod, its companions, and how both came about.

use crate::diagnostic::Diagnostic;
use crate::edit::{Change, ChangeKind, Pointer, undo};
use crate::lifetime::Lifetime;
use serde_json::Value;

/// The result of rules on a template.
#[derive(Debug)]
pub struct Outcome {
    /// The Pod, as far as it got.
    pub pod: Value,
    /// What is to be created before it.
    pub companions: Vec<Companion>,
    /// Every rule that was looked at, in order.
    pub rules: Vec<RuleTrace>,
    /// What became of the values' Python hook, if there is one and it was its turn.
    pub hook: Option<HookTrace>,
    /// Every change to the Pod that stayed, in order; empty unless a trace was asked for.
    pub changes: Vec<Change>,
    /// What is worth a warning.
    pub warnings: Vec<Diagnostic>,
    /// Why the task fails, if it does.
    pub failure: Option<Diagnostic>,
}

impl AsRef<Outcome> for Outcome {
    fn as_ref(&self) -> &Outcome {
        self
    }
}

/// An object to create before the Pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// The object.
    pub manifest: Value,
    /// The number of the rule that asks for it.
    pub rule: u32,
}

/// What became of a rule.
#[derive(Debug)]
pub struct RuleTrace {
    /// Its number in the plan.
    pub rule: u32,
    /// What became of it.
    pub status: Status,
    /// What its scripts logged.
    pub log: Vec<String>,
}

/// What became of the values' Python hook.
#[derive(Debug)]
pub struct HookTrace {
    /// Why it failed, if it did.
    pub failure: Option<Diagnostic>,
    /// What it printed.
    pub log: Vec<String>,
}

/// What became of a rule.
#[derive(Debug)]
pub enum Status {
    /// It was carried out.
    Applied,
    /// It was worked out and taken back, as `mode: audit` asks; this is what it would have changed.
    Audited(Vec<Seen>),
    /// It was not for this task.
    Skipped(Reason),
    /// It failed, and was undone.
    Failed(Diagnostic),
}

/// Why a rule was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `enabled: false`.
    Disabled,
    /// Its condition gave false; these are the parts that decided, with what they saw (only with a trace).
    Condition(Vec<String>),
    /// An earlier rule, by number, stopped the stage.
    Stopped(u32),
    /// Its script called `skip()`.
    Script,
}

/// A change as one sees it: what was there before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Where.
    pub at: Pointer,
    /// `set`, `add` or `remove`.
    pub what: &'static str,
    /// What was there before.
    pub before: Option<Value>,
    /// What is there after.
    pub after: Option<Value>,
    /// Who.
    pub author: u32,
}

/// Turns changes into what they look like, oldest first, by taking each back from `document`.
pub fn seen(document: &mut Value, changes: Vec<Change>) -> Vec<Seen> {
    let mut all: Vec<Seen> = changes
        .into_iter()
        .rev()
        .map(|change| {
            let (at, author) = (change.at.clone(), change.author);
            let (what, before) = match &change.kind {
                ChangeKind::Replaced(before) => ("set", Some(before.clone())),
                ChangeKind::Added | ChangeKind::Inserted => ("add", None),
                ChangeKind::RemovedKey(_, before) | ChangeKind::RemovedItem(before) => ("remove", Some(before.clone())),
            };
            let after = undo(document, change);
            Seen { at, what, before, after, author }
        })
        .collect();
    all.reverse();
    all
}

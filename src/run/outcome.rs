//! The result of a run: the Pod, its companions, and what each rule did.

use crate::diagnostic::Diagnostic;
use crate::edit::{Change, ChangeKind, Pointer, undo};
use crate::lifetime::Lifetime;
use serde_json::Value;

/// The result of running rules on a template.
#[derive(Debug)]
pub struct Outcome {
    /// The Pod; if the run failed, its state at that point.
    pub pod: Value,
    /// The objects to create before the Pod; none if the run failed.
    pub companions: Vec<Companion>,
    /// The rules for the task's queue that were reached, in order.
    pub rules: Vec<RuleTrace>,
    /// What the values' Python hook did, if there is one and it was reached.
    pub hook: Option<HookTrace>,
    /// The changes to the Pod that weren't undone, in order; empty without [`Options::trace`](super::Options::trace).
    pub changes: Vec<Change>,
    /// The warnings of the run.
    pub warnings: Vec<Diagnostic>,
    /// Why the run failed, if it did.
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
    /// When podrules removes it.
    pub lifetime: Lifetime,
    /// The Kubernetes object.
    pub manifest: Value,
    /// The number of the rule that declares it, in the plan.
    pub rule: u32,
}

/// What a rule did.
#[derive(Debug)]
pub struct RuleTrace {
    /// Its number in the plan.
    pub rule: u32,
    /// Whether it was applied, skipped or failed.
    pub status: Status,
    /// The lines that its scripts and hooks logged.
    pub log: Vec<String>,
}

/// What the values' Python hook did.
#[derive(Debug)]
pub struct HookTrace {
    /// Why it failed, if it did.
    pub failure: Option<Diagnostic>,
    /// The lines that it printed.
    pub log: Vec<String>,
}

/// How a rule ended.
#[derive(Debug)]
pub enum Status {
    /// Its changes are in the Pod.
    Applied,
    /// It ran with `mode: audit` and was undone; these are the changes that it would have made.
    Audited(Vec<Seen>),
    /// It didn't apply to this task.
    Skipped(Reason),
    /// It failed and was undone.
    Failed(Diagnostic),
}

/// Why a rule was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `enabled: false`.
    Disabled,
    /// Its condition was false. With a trace, these lines say which parts decided, and the values that they had.
    Condition(Vec<String>),
    /// The rule with this number stopped the stage before it.
    Stopped(u32),
    /// Its script called `skip()`.
    Script,
}

/// A change with the values before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The place that changed.
    pub at: Pointer,
    /// `set`, `add` or `remove`.
    pub what: &'static str,
    /// The value before, if there was one.
    pub before: Option<Value>,
    /// The value after, if there is one.
    pub after: Option<Value>,
    /// The author's number; see [`Plan::author`](crate::plan::Plan::author).
    pub author: u32,
}

/// Turns changes into [`Seen`] ones, oldest first, by undoing each in `document`, which must be their result.
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

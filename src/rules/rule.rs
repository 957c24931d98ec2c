//! One rule.

use crate::diagnostic::Diagnostics;
use crate::lifetime::Lifetime;
use crate::read::{Read, wrong};
use crate::source::{Kind, Node, Text};
use crate::{record, schema, words};

record! {
    /// Edits for the Pods of some queues or tasks. A rule is a transaction: it is applied completely or not at all.
    pub struct Rule as "rule", partly {
        /// The rule's name, which must be unique; errors, traces and metrics show it.
        required name: Text = "name",
        /// What the rule is for.
        optional description: Option<Text> = "description",
        /// The queues whose Pods it edits: names or ids, globs, `/regular expressions/`; a leading `!` excludes. Every queue by
        /// default.
        optional queues: Option<Selectors> = "queues",
        /// A Rhai expression; the rule is skipped unless it is true. Always true by default.
        optional when: Option<Text> = "when",
        /// Kubernetes objects that are created before the Pod.
        optional companions: Vec<Companion> = "companions",
        /// The operations, in order.
        optional operations: Vec<Operation> = "do",
        /// What happens when an operation fails.
        optional on_error: OnError = "onError",
        /// `false` switches the rule off.
        optional enabled: Enabled = "enabled",
        /// Whether the rule changes the Pod or only reports what it would change.
        optional mode: Mode = "mode",
        /// If true, no later rule of the stage runs once this one was applied.
        optional stop: bool = "stop",
        /// When the rule runs: on the template, or on the complete Pod.
        optional stage: RuleStage = "stage",
    }
}

record! {
    /// A Kubernetes object that is created before the Pod, and deleted when its lifetime ends.
    pub struct Companion as "companion" {
        /// How long the object is kept.
        optional lifetime: Lifetime = "lifetime",
        /// The object, of any kind; all of its strings may contain `${ }`.
        required manifest: Node = "manifest",
    }
}

words! {
    /// What happens when an operation fails.
    pub enum OnError {
        /// The task fails; the error has the rule's name, its place and the reason.
        Fail = "fail",
        /// The rule is undone, the failure is recorded, and the next rule runs.
        Skip = "skip",
    }
}

words! {
    /// Whether a rule changes the Pod.
    pub enum Mode {
        /// The rule changes the Pod.
        Enforce = "enforce",
        /// The rule runs and is reported, then undone.
        Audit = "audit",
    }
}

words! {
    /// When a rule runs.
    pub enum RuleStage {
        /// On the template, before the task's image and command are filled in.
        Template = "template",
        /// On the complete Pod, right before it is applied.
        Pod = "pod",
    }
}

/// The value of `enabled`; true by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enabled(pub bool);

impl Default for Enabled {
    fn default() -> Self {
        Enabled(true)
    }
}

impl Read for Enabled {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        bool::read(node, found).map(Enabled)
    }
}

schema!(inline Enabled, {"type": "boolean", "default": true});

/// Queue selectors, written as one or as a list.
#[derive(Debug, Clone)]
pub struct Selectors(pub Vec<Text>);

impl Read for Selectors {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(text) => Some(Selectors(vec![text.clone()])),
            Kind::List(_) => Vec::read(node, found).map(Selectors),
            _ => wrong(node, "a queue selector or a list of them", found),
        }
    }
}

schema!(inline Selectors, {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}}
    ]
});

/// An element of `do` as written: the name of an operation and its parameters. The names are checked when the operation
/// is compiled, and so is that there is only one.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The names with their parameters; at least one.
    pub entries: Vec<(Text, Node)>,
}

impl Read for Operation {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) if !entries.is_empty() => Some(Operation { entries: entries.clone() }),
            _ => wrong(node, "an operation, such as `set: {path: …, value: …}`", found),
        }
    }
}

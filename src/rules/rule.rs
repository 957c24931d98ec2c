//! One rule.

use crate::diagnostic::Diagnostics;
use crate::lifetime::Lifetime;
use crate::read::{Fields, Read, wrong};
use crate::source::{Kind, Node, Style, Text};
use crate::{record, words};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

record! {
    /// A named set of edits for the Pods of some queues or tasks. A rule is a transaction: all of it is done, or nothing.
    pub struct Rule as "rule" {
        /// A unique name; errors, traces and metrics show it.
        required name: Text = "name",
        /// What the rule is for.
        optional description: Option<Text> = "description",
        /// The queues it is for: names or ids, globs, `/regular expressions/`; a leading `!` excludes. Absent: every queue.
        optional queues: Option<Selectors> = "queues",
        /// A Rhai expression; the rule is skipped unless it gives true. Absent: always.
        optional when: Option<Text> = "when",
        /// Objects that are created before the Pod.
        optional companions: Vec<Companion> = "companions",
        /// The operations, in order.
        optional operations: Vec<Operation> = "do",
        /// What happens when an operation fails.
        optional on_error: OnError = "onError",
        /// `false` switches the rule off.
        optional enabled: Enabled = "enabled",
        /// Whether the rule changes the Pod or only reports what it would change.
        optional mode: Mode = "mode",
        /// When this rule was applied, no later rule of its stage runs.
        optional stop: bool = "stop",
        /// When the rule runs.
        optional stage: RuleStage = "stage",
    }
}

impl Rule {
    /// Reads as much of a rule as can be, so that all of its mistakes can be told; false if some of it had to be left out.
    pub fn read_partly(node: &Node, found: &mut Diagnostics) -> Option<(Rule, bool)> {
        let before = found.errors();
        let fields = Fields::open(node, "rule", Self::KEYS, found)?;
        let rule = Rule {
            name: fields.required("name", found).unwrap_or_else(|| Text {
                span: node.span,
                value: "?".into(),
                style: Style::Made,
            }),
            description: fields.optional("description", found).unwrap_or_default(),
            queues: fields.optional("queues", found).unwrap_or_default(),
            when: fields.optional("when", found).unwrap_or_default(),
            companions: each(node.get("companions"), found),
            operations: each(node.get("do"), found),
            on_error: fields.optional("onError", found).unwrap_or_default(),
            enabled: fields.optional("enabled", found).unwrap_or_default(),
            mode: fields.optional("mode", found).unwrap_or_default(),
            stop: fields.optional("stop", found).unwrap_or_default(),
            stage: fields.optional("stage", found).unwrap_or_default(),
        };
        Some((rule, found.errors() == before))
    }
}

/// The elements of a list that can be read.
fn each<T: Read>(node: Option<&Node>, found: &mut Diagnostics) -> Vec<T> {
    match node.map(|node| (node, &node.kind)) {
        None | Some((_, Kind::Null)) => Vec::new(),
        Some((_, Kind::List(items))) => items.iter().filter_map(|item| T::read(item, found)).collect(),
        Some((node, _)) => wrong(node, "a list", found).unwrap_or_default(),
    }
}

record! {
    /// An object that is created before the Pod and removed as its lifetime says.
    pub struct Companion as "companion" {
        /// How long it lives.
        optional lifetime: Lifetime = "lifetime",
        /// The object, of any kind; `${ }` works in all of its strings.
        required manifest: Node = "manifest",
    }
}

words! {
    /// What happens when an operation fails.
    pub enum OnError {
        /// The task fails, with the rule's name, place and reason.
        Fail = "fail",
        /// The rule is undone, the failure is recorded, and the next rule runs.
        Skip = "skip",
    }
}

words! {
    /// Whether a rule changes the Pod.
    pub enum Mode {
        /// It does.
        Enforce = "enforce",
        /// It is worked out and reported, then undone.
        Audit = "audit",
    }
}

words! {
    /// When a rule runs.
    pub enum RuleStage {
        /// On the template, before the task's image and command go in.
        Template = "template",
        /// On the complete Pod, the last thing before it is applied.
        Pod = "pod",
    }
}

/// `enabled`, true by default.
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

impl JsonSchema for Enabled {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Enabled".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean", "default": true})
    }
}

/// Queue selectors: one or a list.
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

impl JsonSchema for Selectors {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Selectors".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}}
            ]
        })
    }
}

/// An element of `do` as written: the name of an operation and its parameters. Which operations there are is known only
/// where they are compiled; so several keys are kept, and told of there.
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

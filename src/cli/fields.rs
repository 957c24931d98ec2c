//! Who wrote each field, in words.

use super::load::Parts;
use crate::diagnostic::Sources;
use crate::edit::Pointer;
use crate::plan::{ASSEMBLY, BASE, HOOK, STRINGS};
use crate::run::Outcome;
use crate::run::provenance::{Provenance, Source};
use serde_json::{Value, json};

/// Who wrote each field of a run's Pod.
pub struct Fields<'p> {
    provenance: Provenance<'p>,
    parts: &'p Parts,
}

impl<'p> Fields<'p> {
    /// Works it out from the run's changes.
    pub fn new(parts: &'p Parts, outcome: &Outcome) -> Self {
        Fields { provenance: Provenance::new(&parts.template, &outcome.changes), parts }
    }

    /// Who wrote the field at a place.
    pub fn source(&self, at: &Pointer) -> Source {
        self.provenance.source(at)
    }

    /// The same in a few words, with file and line.
    pub fn words(&self, at: &Pointer, sources: &Sources) -> String {
        match self.source(at) {
            Source::Template(span) => sources.file_line(span),
            Source::Author(BASE) => "template".to_owned(),
            Source::Author(ASSEMBLY) => "podrules: the task".to_owned(),
            Source::Author(STRINGS) => "podrules: ${CLEARML_…}".to_owned(),
            Source::Author(HOOK) => match &self.parts.plan.values_hook {
                Some(hook) => format!("hook {} ({})", hook.function, sources.file_line(hook.span)),
                None => "podrules".to_owned(),
            },
            Source::Author(author) => match self.parts.plan.author(author) {
                Some((rule, step)) => format!("rule {} ({})", rule.name, sources.file_line(step.span)),
                None => "podrules".to_owned(),
            },
        }
    }

    /// The same as data.
    pub fn data(&self, at: &Pointer, sources: &Sources) -> Value {
        match self.source(at) {
            Source::Template(span) => {
                json!({"kind": "template", "file": sources.name(span.file), "line": sources.position(span).line})
            }
            Source::Author(ASSEMBLY) => json!({"kind": "assembly"}),
            Source::Author(STRINGS) => json!({"kind": "clearml-string"}),
            Source::Author(HOOK) => match &self.parts.plan.values_hook {
                Some(hook) => json!({
                    "kind": "hook", "call": hook.function.to_string(),
                    "file": sources.name(hook.span.file), "line": sources.position(hook.span).line,
                }),
                None => json!({"kind": "template"}),
            },
            Source::Author(author) => match self.parts.plan.author(author) {
                Some((rule, step)) => json!({
                    "kind": "rule", "rule": rule.name, "operation": step.name,
                    "file": sources.name(step.span.file), "line": sources.position(step.span).line,
                }),
                None => json!({"kind": "template"}),
            },
        }
    }
}

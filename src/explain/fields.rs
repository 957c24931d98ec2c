//! Who wrote each field, in words and as data.

use crate::diagnostic::Sources;
use crate::edit::Pointer;
use crate::plan::{ASSEMBLY, BASE, HOOK, Plan, STRINGS};
use crate::run::Outcome;
use crate::run::provenance::{Provenance, Source};
use crate::source::Node;
use serde_json::{Value, json};

/// Who wrote each field of a run's Pod.
pub struct Fields<'p> {
    provenance: Provenance<'p>,
    plan: &'p Plan,
}

impl<'p> Fields<'p> {
    /// Finds out from the changes of a run of the plan on the template.
    pub fn new(plan: &'p Plan, template: &'p Node, outcome: &Outcome) -> Self {
        Fields { provenance: Provenance::new(template, &outcome.changes), plan }
    }

    /// The plan that ran.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// Who wrote the field at a place.
    pub fn source(&self, at: &Pointer) -> Source {
        self.provenance.source(at)
    }

    /// Who wrote the field at a place, in a few words with file and line.
    pub fn words(&self, at: &Pointer, sources: &Sources) -> String {
        match self.source(at) {
            Source::Template(span) if sources.has(span.file) => sources.file_line(span),
            Source::Template(_) | Source::Author(BASE) => "template".to_owned(),
            Source::Author(ASSEMBLY) => "podrules: the task".to_owned(),
            Source::Author(STRINGS) => "podrules: ${CLEARML_…}".to_owned(),
            Source::Author(HOOK) => match &self.plan.values_hook {
                Some(hook) => format!("hook {} ({})", hook.function, sources.file_line(hook.span)),
                None => "podrules".to_owned(),
            },
            Source::Author(author) => match self.plan.author(author) {
                Some((rule, step)) => format!("rule {} ({})", rule.name, sources.file_line(step.span)),
                None => "podrules".to_owned(),
            },
        }
    }

    /// Who wrote the field at a place, as JSON.
    pub fn data(&self, at: &Pointer, sources: &Sources) -> Value {
        match self.source(at) {
            Source::Template(span) if !sources.has(span.file) => json!({"kind": "template"}),
            Source::Template(span) => {
                json!({"kind": "template", "file": sources.name(span.file), "line": sources.position(span).line})
            }
            Source::Author(ASSEMBLY) => json!({"kind": "assembly"}),
            Source::Author(HOOK) => match &self.plan.values_hook {
                Some(hook) => json!({
                    "kind": "hook", "call": hook.function.to_string(),
                    "file": sources.name(hook.span.file), "line": sources.position(hook.span).line,
                }),
                None => json!({"kind": "template"}),
            },
            Source::Author(STRINGS) => json!({"kind": "clearml-string"}),
            Source::Author(author) => match self.plan.author(author) {
                Some((rule, step)) => json!({
                    "kind": "rule", "rule": rule.name, "operation": step.name,
                    "file": sources.name(step.span.file), "line": sources.position(step.span).line,
                }),
                None => json!({"kind": "template"}),
            },
        }
    }
}

//! Checks a rendered Pod, and says for each finding who wrote the field.

use super::Fields;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::edit::Pointer;
use crate::plan::HOOK;
use crate::pod;
use crate::run::Outcome;
use crate::run::provenance::Source;

/// Checks the Pod. Each finding points at the operation, or the line of the values, that wrote the field.
pub fn check(outcome: &Outcome, fields: &Fields<'_>, found: &mut Diagnostics) {
    for finding in pod::check::check(&outcome.pod) {
        found.push(written(of_finding(&finding), &finding.at, fields));
    }
}

/// Adds to a finding about a field of the Pod who wrote the field.
pub fn written(diagnostic: Diagnostic, at: &Pointer, fields: &Fields<'_>) -> Diagnostic {
    match fields.source(at) {
        Source::Template(span) => diagnostic.at_with(span, "written here"),
        Source::Author(HOOK) => match &fields.plan().values_hook {
            Some(hook) => diagnostic.at_with(hook.span, "written by this hook"),
            None => diagnostic,
        },
        Source::Author(author) => match fields.plan().author(author) {
            Some((rule, step)) => diagnostic.at_with(step.span, "written by this operation").rule(rule.name.clone()),
            None => diagnostic,
        },
    }
}

/// Turns a finding of the check into a diagnostic without a place.
pub fn of_finding(finding: &pod::check::Finding) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(finding.code, format!("{}: {}", finding.at, finding.message));
    diagnostic.severity = finding.severity;
    diagnostic.help = finding.help.clone();
    diagnostic
}

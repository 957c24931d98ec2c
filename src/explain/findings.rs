//! The check of a rendered Pod, each finding with who wrote the field.

use super::Fields;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::HOOK;
use crate::pod;
use crate::run::Outcome;
use crate::run::provenance::Source;

/// Checks the Pod; a finding points at the rule or the line of the values that wrote the field.
pub fn check(outcome: &Outcome, fields: &Fields<'_>, found: &mut Diagnostics) {
    for finding in pod::check::check(&outcome.pod) {
        let mut diagnostic = of_finding(&finding);
        match fields.source(&finding.at) {
            Source::Template(span) => diagnostic = diagnostic.at_with(span, "written here"),
            Source::Author(HOOK) => {
                if let Some(hook) = &fields.plan().values_hook {
                    diagnostic = diagnostic.at_with(hook.span, "written by this hook");
                }
            }
            Source::Author(author) => {
                if let Some((rule, step)) = fields.plan().author(author) {
                    diagnostic = diagnostic.at_with(step.span, "written by this operation").rule(rule.name.clone());
                }
            }
        }
        found.push(diagnostic);
    }
}

/// What a finding says, before it is known who wrote the field.
pub fn of_finding(finding: &pod::check::Finding) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(finding.code, format!("{}: {}", finding.at, finding.message));
    diagnostic.severity = finding.severity;
    diagnostic.help = finding.help.clone();
    diagnostic
}

//! The check of a rendered Pod, each finding with who wrote the field.

use super::fields::Fields;
use super::load::Parts;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pod;
use crate::run::Outcome;
use crate::run::provenance::Source;

/// Checks the Pod; a finding points at the rule or the line of the values that wrote the field.
pub fn check(outcome: &Outcome, parts: &Parts, fields: &Fields<'_>, found: &mut Diagnostics) {
    for finding in pod::check::check(&outcome.pod) {
        let mut diagnostic = of_finding(&finding);
        match fields.source(&finding.at) {
            Source::Template(span) => diagnostic = diagnostic.at_with(span, "written here"),
            Source::Author(author) => {
                if let Some((rule, step)) = parts.plan.author(author) {
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

/// What a Python hook named in the values means for a command that can't run it. True if there is one.
pub fn hook(parts: &Parts, silent: bool, found: &mut Diagnostics) -> bool {
    let Some(hook) = parts.installation.hook() else { return false };
    if !silent {
        let message = format!("the Python hook {} is not run: this is the Pod without it", hook.value);
        let mut diagnostic = Diagnostic::new(Code::Unsupported, message).at(hook.span);
        diagnostic.severity = crate::diagnostic::Severity::Warning;
        found.push(diagnostic.help("this version runs no Python; --no-hook says that you know"));
    }
    !silent
}

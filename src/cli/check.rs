//! The check of a rendered Pod, and what a hook in the values means for a command.

use super::fields::Fields;
use super::load::Parts;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::explain;
use crate::run::Outcome;

pub use crate::explain::of_finding;

/// Checks the Pod; a finding points at the rule or the line of the values that wrote the field.
pub fn check(outcome: &Outcome, _: &Parts, fields: &Fields<'_>, found: &mut Diagnostics) {
    explain::check(outcome, fields, found);
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

//! The check of a rendered Pod, for what a command line loaded.

use super::fields::Fields;
use super::load::Parts;
use podrules::diagnostic::Diagnostics;
use podrules::explain;
use podrules::run::Outcome;

pub use podrules::explain::of_finding;

/// Checks the Pod; a finding points at the rule or the line of the values that wrote the field.
pub fn check(outcome: &Outcome, _: &Parts, fields: &Fields<'_>, found: &mut Diagnostics) {
    explain::check(outcome, fields, found);
}

//! Who wrote each field, for what a command line loaded.

use super::load::Parts;
use podrules::explain;
use podrules::run::Outcome;
use std::ops::Deref;

/// Who wrote each field of a run's Pod.
pub struct Fields<'p>(explain::Fields<'p>);

impl<'p> Fields<'p> {
    /// Works it out from the run's changes.
    pub fn new(parts: &'p Parts, outcome: &Outcome) -> Self {
        Fields(explain::Fields::new(&parts.plan, &parts.template, outcome))
    }
}

impl<'p> Deref for Fields<'p> {
    type Target = explain::Fields<'p>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

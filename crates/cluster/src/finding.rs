//! A finding with the object and the field that it is about.

use podrules::diagnostic::Diagnostic;
use podrules::edit::Pointer;

/// The object that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The Pod, or the Job that creates it.
    Pod,
    /// A companion, by its index in the run's outcome.
    Companion(usize),
}

/// A finding about an object of a launch. The caller knows who wrote the field.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The object.
    pub subject: Subject,
    /// The field, if it is known.
    pub at: Option<Pointer>,
    /// The message, with its code and help.
    pub diagnostic: Diagnostic,
}

impl Finding {
    pub(super) fn new(subject: Subject, diagnostic: Diagnostic) -> Self {
        Finding { subject, at: None, diagnostic }
    }

    pub(super) fn at(mut self, at: Pointer) -> Self {
        self.at = Some(at);
        self
    }
}

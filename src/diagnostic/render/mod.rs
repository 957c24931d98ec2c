//! Diagnostics as text for people, JSON, SARIF and GitHub's workflow commands.
//!
//! Each format is a pure function of the diagnostics and the texts that they point into. Texts may come from a task, which
//! anybody who can enqueue one writes, so characters that a terminal would interpret are replaced by visible ones
//! ([`printable()`]).

mod github;
mod human;
mod json;
mod printable;
mod sarif;

pub use github::github;
pub use human::human;
pub use json::json;
pub use printable::{printable, printable_line};
pub use sarif::sarif;

use super::{Diagnostic, Severity, Sources, Span};

/// The number of findings of each severity, for the last line: `3 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(|severity| match diagnostics.iter().filter(|d| d.severity == severity).count() {
            0 => None,
            1 => Some(format!("1 {}", severity.word())),
            count => Some(format!("{count} {}s", severity.word())),
        })
        .collect();
    if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") }
}

/// A span in the form of all machine-readable formats: a name, and lines and columns that count from 1.
struct Place<'s> {
    file: &'s str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl<'s> Place<'s> {
    /// The place of a span; `None` if its text isn't among the sources.
    fn of(sources: &'s Sources, span: Span) -> Option<Self> {
        if !sources.has(span.file) {
            return None;
        }
        let start = sources.position(span);
        let end = sources.end_position(span);
        Some(Place {
            file: sources.name(span.file),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        })
    }

    /// The primary place of a diagnostic, if it has one.
    fn primary(sources: &'s Sources, diagnostic: &Diagnostic) -> Option<Self> {
        Place::of(sources, diagnostic.primary.as_ref()?.span)
    }
}

#[cfg(test)]
mod tests;

//! Findings: one type for everything that podrules reports about its input, saying what is wrong, where, and what to do.
//!
//! Every module reports through [`Diagnostic`]. The output formats (text, JSON, SARIF, GitHub) are in [`render`] and don't
//! depend on the modules that report.

mod code;
pub mod render;
mod sources;

pub use code::Code;
pub use sources::{FileId, Position, Sources, Span};

use crate::text::shortened_bytes;

/// The severity of a finding. Warnings become errors with `--strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Information that changes nothing.
    Note,
    /// Probably a mistake, but it can be carried out.
    Warning,
    /// A mistake that can't be carried out.
    Error,
}

impl Severity {
    /// The severity in messages and in JSON: `note`, `warning` or `error`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in a source with a short comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The comment beside the caret; may be empty.
    pub text: String,
}

/// One finding: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code of this kind of finding.
    pub code: Code,
    /// How severe it is; by default the [severity of its code](Code::severity).
    pub severity: Severity,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// The place it is about, if it has one.
    pub primary: Option<Label>,
    /// Other places that explain it.
    pub related: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// The rule it concerns, if any.
    pub rule: Option<String>,
    /// More lines that explain it, such as the traceback of a Python hook.
    pub detail: Option<String>,
}

impl Diagnostic {
    /// Makes a finding with the code's severity and no place. A message or help longer than 4,000 bytes is shortened.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: code.severity(),
            message: shortened_bytes(message.into(), LONGEST_MESSAGE),
            primary: None,
            related: Vec::new(),
            help: None,
            rule: None,
            detail: None,
        }
    }

    /// Sets the place.
    pub fn at(mut self, span: Span) -> Self {
        self.primary = Some(Label { span, text: String::new() });
        self
    }

    /// Sets the place, with a comment beside the caret.
    pub fn at_with(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place, with a comment.
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Sets the help: what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened_bytes(help.into(), LONGEST_MESSAGE));
        self
    }

    /// Sets the name of the rule that it concerns.
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Whether its severity is error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The finding that made an operation, a hook or a run fail. Boxed, because it is large and results are returned often.
pub type Fault = Box<Diagnostic>;

/// Makes a fault at a place in the rules.
pub fn fault(code: Code, message: impl Into<String>, span: Span) -> Fault {
    Box::new(Diagnostic::new(code, message).at(span))
}

/// The findings collected so far. Work continues after each, so that one run reports all of them.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    dropped: usize,
}

/// The most errors that are kept, and the most of all other findings; further ones are only counted.
const MOST: usize = 500;

impl Diagnostics {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding. Beyond 500 errors, or 500 of all others, it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        // Counted separately, so that warnings can't displace an error.
        let (error, kept) = (diagnostic.is_error(), self.list.len() - self.errors.min(MOST));
        let room = if error { self.errors < MOST } else { kept < MOST };
        self.errors += usize::from(error);
        if room {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds findings, as [`push`](Self::push) does.
    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in more {
            self.push(diagnostic);
        }
    }

    /// Adds those of another list, and counts those that it left out.
    pub fn append(&mut self, other: Diagnostics) {
        let left_out = other.errors - other.list.iter().filter(|diagnostic| diagnostic.is_error()).count();
        self.errors += left_out;
        self.dropped += other.dropped;
        self.extend(other.list);
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The number of errors, those that were only counted included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The number of findings that were only counted, because there were too many.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The number of findings that are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are no findings.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Sorts them by place, so that a reader goes through each file once, and drops repetitions.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| d.primary.as_ref().map(|l| (l.span.file, l.span.start)));
        self.list.dedup();
    }

    /// The findings as a list.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

const LONGEST_WORD: usize = 100;
const MOST_CANDIDATES: usize = 1_000;
/// The most bytes of a message or a help: the text that it quotes may be as long as a file.
const LONGEST_MESSAGE: usize = 4_000;

/// The name among `known` that is most similar to `word`, if one is similar enough for a suggestion.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Such a long word isn't a misspelt name, and comparing it takes time quadratic in its length.
    if word.len() > LONGEST_WORD {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .take(MOST_CANDIDATES)
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 1 + word.len())
        .map(|candidate| {
            let distance =
                if candidate.to_lowercase() == lower { 0 } else { strsim::damerau_levenshtein(word, candidate) };
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

//! One type for everything podrules has to say about its input: what is wrong, where, and what to do.
//!
//! Every stage reports through [`Diagnostic`]; the forms it is shown in (people, JSON, SARIF, GitHub)
//! are in [`render`] and know nothing of the stages.

mod code;
pub mod render;
mod sources;

pub use code::Code;
pub use sources::{FileId, Position, Sources, Span};

use crate::text::shortened_bytes;

/// How bad a finding is. Warnings become errors under `--strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, changes nothing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Can't be carried out.
    Error,
}

impl Severity {
    /// The word shown to people and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in a source with a few words on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// The words beside the caret; may be empty.
    pub text: String,
}

/// One finding: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code of this kind of finding.
    pub code: Code,
    /// How bad it is.
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
    /// A finding of the code's own severity.
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

    /// Says where.
    pub fn at(mut self, span: Span) -> Self {
        self.primary = Some(Label { span, text: String::new() });
        self
    }

    /// Says where, with a few words beside the caret.
    pub fn at_with(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place.
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened_bytes(help.into(), LONGEST_MESSAGE));
        self
    }

    /// Names the rule.
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Whether it stops the work.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Why an operation, a hook or a run failed: the diagnostic of it. In a box, since it is large and results are returned often.
pub type Fault = Box<Diagnostic>;

/// A fault at a place in the rules.
pub fn fault(code: Code, message: impl Into<String>, span: Span) -> Fault {
    Box::new(Diagnostic::new(code, message).at(span))
}

/// The mistakes gathered so far; a stage goes on after each, so that one run shows them all.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    dropped: usize,
}

/// More errors, or more of the rest, than this help nobody; they are counted.
const MOST: usize = 500;

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        // Counted apart: warnings, however many, must not push an error out.
        let (error, kept) = (diagnostic.is_error(), self.list.len() - self.errors.min(MOST));
        let room = if error { self.errors < MOST } else { kept < MOST };
        self.errors += usize::from(error);
        if room {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds many.
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

    /// How many errors were found, those that were left out too.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many were left out because there were too many.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each of them, in the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Orders them by place, so that a reader goes through a file once.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| d.primary.as_ref().map(|l| (l.span.file, l.span.start)));
        self.list.dedup();
    }

    /// The list itself.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

const LONGEST_WORD: usize = 100;
const MOST_CANDIDATES: usize = 1_000;
/// Bytes of a message or a help: what it quotes may be as long as a file.
const LONGEST_MESSAGE: usize = 4_000;

/// The name of `known` nearest to `word`, if one is near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody means another word by such a long one, and to compare it would take its square in time and memory.
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

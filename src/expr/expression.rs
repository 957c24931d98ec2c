//! A compiled expression or script: its syntax tree, its text, and where that was written.

use crate::diagnostic::{Sources, Span};
use crate::source::Text;
use rhai::{AST, Position};
use std::sync::Arc;

/// Where the lines of an expression or a script are in its source, to point at what fails when it runs.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<Span>,
    all: Span,
}

impl Lines {
    /// The places of the lines that begin at `starts`; `all` is the place of the complete text.
    pub(super) fn new(starts: Vec<Span>, all: Span) -> Self {
        Lines { starts, all }
    }

    /// The place of all lines of a script.
    pub(super) fn of(sources: &Sources, text: &Text) -> Self {
        Lines::new(text.locate_all(sources, &line_starts(text, 0, text.value.len())), text.span)
    }

    /// The place of a position that Rhai gives; the complete text for a position without a line. Within a line,
    /// columns are the same in the text as in its source.
    pub fn span(&self, source: &str, at: Position) -> Span {
        let (Some(line), column) = (at.line(), at.position().unwrap_or(1)) else { return self.all };
        let Some(start) = self.starts.get(line - 1) else { return self.all };
        let text = source.lines().nth(line - 1).unwrap_or("");
        let before = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        let from = start.start + before as u32;
        Span { file: start.file, start: from, end: from + 1 }
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Its syntax tree.
    pub ast: AST,
    /// The text that holds it, shared by all expressions of one string.
    pub text: Arc<Text>,
    /// The bytes of `text` that are the expression: without `${` and `}` for one in a string.
    pub range: (usize, usize),
    /// Where its lines are in the source.
    pub lines: Lines,
    /// Whether it reads the Pod, directly or through `vars`.
    pub uses_pod: bool,
    /// The `vars` that it reads.
    pub vars: Vec<String>,
}

impl Expression {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.text.value[self.range.0..self.range.1]
    }
}

/// A compiled script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its syntax tree.
    pub ast: AST,
    /// The script as written.
    pub text: Text,
    /// Where its lines are in the source.
    pub lines: Lines,
}

/// The offsets at which the lines of a stretch of text begin.
pub(super) fn line_starts(text: &Text, from: usize, to: usize) -> Vec<usize> {
    let breaks = text.value[from..to].match_indices('\n').map(|(at, _)| from + at + 1);
    std::iter::once(from).chain(breaks).collect()
}

/// The byte of a text at a line and column that Rhai gives; 0 for a position without a line.
pub(super) fn byte_offset(source: &str, at: Position) -> usize {
    let (Some(line), column) = (at.line(), at.position().unwrap_or(1)) else { return 0 };
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

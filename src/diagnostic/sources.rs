//! The texts that were read, and places in them.

use std::sync::Arc;

/// Identifies a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text that it is in.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The place of what was not read from any text.
    pub const NOWHERE: Span = Span { file: FileId(u32::MAX), start: 0, end: 0 };

    /// Makes a span; offsets beyond 4 GiB are cut off, and an `end` before `start` counts as `start`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end.max(start)) }
    }
}

/// A line and a column as people count them, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: Arc<str>,
    line_starts: Vec<u32>,
}

/// All texts read in one run.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text; `name` is shown in messages: a path as the user gave it, or `<stdin>`.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let text: Arc<str> = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1));
        self.files.push(Source { name: name.into(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// Whether there is a text with this id.
    pub fn has(&self, file: FileId) -> bool {
        (file.0 as usize) < self.files.len()
    }

    /// The name of a text; `<unknown>` if there is no such text.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("<unknown>", |f| &f.name)
    }

    /// The contents of a text; empty if there is no such text.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| &f.text)
    }

    /// The text in a span; empty if there is none.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The line and column where a span starts.
    pub fn position(&self, span: Span) -> Position {
        self.position_of(span.file, span.start)
    }

    /// The line and column where a span ends.
    pub fn end_position(&self, span: Span) -> Position {
        self.position_of(span.file, span.end)
    }

    fn position_of(&self, file: FileId, offset: u32) -> Position {
        let Some(source) = self.files.get(file.0 as usize) else { return Position { line: 1, column: 1 } };
        let line = source.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = source.line_starts[line - 1] as usize;
        let end = (offset as usize).min(source.text.len());
        let column = source.text.get(start..end).map_or(1, |s| s.chars().count() + 1);
        Position { line, column }
    }

    /// The span of a complete text.
    pub fn whole(&self, file: FileId) -> Span {
        Span::new(file, 0, self.text(file).len())
    }

    /// The start of a span as `file:line`, as in traces.
    pub fn file_line(&self, span: Span) -> String {
        format!("{}:{}", self.name(span.file), self.position(span).line)
    }

    /// The start of a span as `file:line:column`.
    pub fn file_line_column(&self, span: Span) -> String {
        let at = self.position(span);
        format!("{}:{}:{}", self.name(span.file), at.line, at.column)
    }
}

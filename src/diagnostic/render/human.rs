//! Diagnostics for people, as rustc shows them: the message, the lines with carets, and what to do.
//!
//! annotate-snippets draws. It panics on offsets inside a character and is slow on huge lines, so its input is prepared
//! here: only the lines that matter, offsets at character boundaries, nothing that a terminal would interpret.

use super::printable::{printable, printable_line, stand_in};
use crate::diagnostic::{Diagnostic, FileId, Label, Severity, Sources, Span};
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

/// Wider lines are cut around their labels.
const WIDTH: usize = 120;
/// The most bytes of a line that is drawn. Of a longer one, such as a file on a single line, the text around the place is
/// quoted.
const LONGEST_LINE: usize = 4_000;
/// How many characters of such a line are quoted on either side.
const NEAR: usize = 30;
/// Labels within this many bytes of one text are drawn together.
const LARGEST_SNIPPET: usize = 2_000;

/// The diagnostics as text, with an empty line after each. With `colour`, ANSI escapes colour it.
pub fn human(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[group(diagnostic, sources)]));
        out.push_str("\n\n");
    }
    out
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    let mut windows: Vec<Window<'_>> = Vec::new();
    for label in diagnostic.primary.iter().chain(&diagnostic.related) {
        let is_primary = diagnostic.primary.as_ref().is_some_and(|primary| std::ptr::eq(primary, label));
        let kind = if is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        if !sources.has(label.span.file) {
            if !label.text.is_empty() {
                group = group.element(Level::NOTE.message(printable(&label.text)));
            }
            continue;
        }
        let mark = Mark::new(label, kind, sources);
        match windows.iter_mut().find(|window| window.takes(&mark)) {
            Some(window) => window.add(mark),
            None => windows.push(Window::new(mark)),
        }
    }
    for window in windows {
        group = group.elements(window.elements(sources));
    }
    if let Some(rule) = &diagnostic.rule {
        group = group.element(Level::NOTE.no_name().message(format!("in rule {}", printable_line(rule))));
    }
    if let Some(detail) = &diagnostic.detail {
        group = group.element(Level::NOTE.no_name().message(printable(detail)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    group
}

/// A label whose place is reduced to its first line.
struct Mark<'a> {
    file: FileId,
    /// The start and end of its line, without the line break.
    line: (usize, usize),
    start: usize,
    end: usize,
    label: &'a Label,
    kind: AnnotationKind,
}

impl<'a> Mark<'a> {
    fn new(label: &'a Label, kind: AnnotationKind, sources: &Sources) -> Self {
        let text = sources.text(label.span.file);
        let start = boundary(text, label.span.start as usize);
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
        // Marking many lines tells no more than marking the first.
        let end = boundary(text, label.span.end as usize).clamp(start, to);
        Mark { file: label.span.file, line: (from, to), start, end, label, kind }
    }
}

/// The last place at or before `at` where a character of the text begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A part of one text that is drawn together.
struct Window<'a> {
    from: usize,
    to: usize,
    marks: Vec<Mark<'a>>,
}

impl<'a> Window<'a> {
    fn new(mark: Mark<'a>) -> Self {
        Window { from: mark.line.0, to: mark.line.1, marks: vec![mark] }
    }

    fn takes(&self, mark: &Mark<'_>) -> bool {
        let same = self.marks.iter().all(|other| other.file == mark.file);
        same && self.to.max(mark.line.1) - self.from.min(mark.line.0) <= LARGEST_SNIPPET
    }

    fn add(&mut self, mark: Mark<'a>) {
        self.from = self.from.min(mark.line.0);
        self.to = self.to.max(mark.line.1);
        self.marks.push(mark);
    }

    fn elements(self, sources: &'a Sources) -> Vec<Element<'a>> {
        let Some(first) = self.marks.first() else { return Vec::new() };
        let file = first.file;
        let path = printable_line(sources.name(file));
        let text = sources.text(file);
        if self.to - self.from > LONGEST_LINE {
            let at = sources.position(first.label.span);
            let origin = Origin::path(path).line(at.line).char_column(at.column);
            let mut elements = vec![origin.into()];
            elements.extend(self.marks.iter().map(|mark| Level::NOTE.message(quote(mark, text)).into()));
            return elements;
        }
        let raw = &text[self.from..self.to];
        let line = sources.position(Span::new(file, self.from, self.from)).line;
        let snippet = Snippet::source(shown(raw, raw.len())).line_start(line).path(path);
        let annotations = self.marks.iter().map(|mark| annotation(mark, raw, self.from));
        vec![snippet.annotations(annotations).into()]
    }
}

fn annotation<'a>(mark: &Mark<'a>, raw: &str, from: usize) -> Annotation<'a> {
    let at = |offset: usize| shown(raw, offset - from).len();
    let annotation = mark.kind.span(at(mark.start)..at(mark.end));
    match mark.label.text.as_str() {
        "" => annotation,
        label => annotation.label(printable_line(label)),
    }
}

/// What is drawn of the first `upto` bytes of a text.
fn shown(raw: &str, upto: usize) -> String {
    let mut out = String::with_capacity(upto);
    for (at, c) in raw.char_indices().take_while(|(at, _)| *at < upto) {
        // The end of a Windows line is nothing strange.
        if c == '\r' && matches!(raw.as_bytes().get(at + 1), None | Some(b'\n')) {
            continue;
        }
        out.push(stand_in(c).unwrap_or(c));
    }
    out
}

/// The words about a place in a line too long to draw.
fn quote(mark: &Mark<'_>, text: &str) -> String {
    let before = text[mark.line.0..mark.start].char_indices().rev().take(NEAR).last().map_or(0, |(at, _)| at);
    let after = text[mark.start..mark.line.1].char_indices().nth(NEAR).map_or(mark.line.1, |(at, _)| mark.start + at);
    let near = printable_line(&text[mark.line.0 + before..after]).into_owned();
    match mark.label.text.as_str() {
        "" => format!("near `{near}`"),
        label => format!("{}: near `{near}`", printable_line(label)),
    }
}

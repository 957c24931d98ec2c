//! Reads YAML to [`Node`]s, and reports every mistake that can be found in one pass.
//!
//! The events come from saphyr-parser. Ours are the limits (depth, nodes, aliases), the check for duplicate keys, and the
//! reading of plain scalars as Helm does (in `scalar.rs`).

use super::node::{Kind, Node, Style, Text};
use super::scalar;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Severity, Sources, Span};
use crate::text::shortened;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::{HashMap, HashSet};

/// The deepest nesting; Kubernetes objects need about 20 levels.
pub const MAX_DEPTH: usize = 100;
/// The most values in one file, counting aliases each time they are used.
pub const MAX_NODES: usize = 1_000_000;

/// Reads every document of a text that isn't empty. Mistakes go to `found`; after a syntax error, the documents before it are
/// still returned.
pub fn read(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Vec<Node> {
    let text = sources.text(file);
    let mut reader = Reader {
        file,
        text,
        offsets: Offsets::new(text),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        documents: Vec::new(),
        found,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => reader.event(event, span),
            Err(error) => {
                let at = reader.offsets.byte(error.marker().index());
                Err(Box::new(syntax(error.info(), Span::new(file, at, at + 1), text)))
            }
        };
        if let Err(diagnostic) = step {
            reader.found.push(*diagnostic);
            break;
        }
    }
    reader.documents
}

/// A syntax error, with help if the cause is a common one.
fn syntax(info: &str, span: Span, text: &str) -> Diagnostic {
    let from = (span.start as usize).min(text.len());
    let here = text.get(from..).unwrap_or("").trim_start();
    let diagnostic = if info.contains("unknown anchor") {
        Diagnostic::new(Code::Yaml, "an alias (`*name`) to an anchor that doesn't exist")
    } else {
        Diagnostic::new(Code::Yaml, format!("this is not valid YAML: {info}"))
    };
    let diagnostic = diagnostic.at(span);
    match here.chars().next() {
        Some('*' | '!' | '&') => {
            diagnostic.help("text that starts with `*`, `!` or `&` must be quoted in YAML: \"*-gpu\"")
        }
        Some('@' | '`') => diagnostic.help("text that starts with `@` or a backtick must be quoted in YAML"),
        Some('\t') => diagnostic.help("indent with spaces: YAML allows no tabs there"),
        _ if info.contains("mapping values") => {
            diagnostic.help("quote text that holds `: `, and check that this line is indented like its neighbours")
        }
        _ => diagnostic,
    }
}

/// Converts offsets: saphyr counts characters, spans count bytes.
struct Offsets {
    table: Option<Vec<u32>>,
    len: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at as u32).collect());
        Offsets { table, len: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.table {
            Some(table) => table.get(character).map_or(self.len, |at| *at as usize),
            None => character.min(self.len),
        }
    }
}

/// A list or mapping whose end hasn't been read yet.
struct Open {
    start: Span,
    anchor: usize,
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Text, Node)>, seen: HashMap<String, Span>, key: Option<Text>, merges: Vec<Node> },
}

struct Reader<'r> {
    file: FileId,
    text: &'r str,
    offsets: Offsets,
    open: Vec<Open>,
    /// The value of each anchor, and its number of nodes; `None` while it is still being read.
    anchors: HashMap<usize, Option<(Node, usize)>>,
    nodes: usize,
    documents: Vec<Node>,
    found: &'r mut Diagnostics,
}

type Step = Result<(), Box<Diagnostic>>;

impl Reader<'_> {
    fn span(&self, span: saphyr_parser::Span) -> Span {
        Span::new(self.file, self.offsets.byte(span.start.index()), self.offsets.byte(span.end.index()))
    }

    fn event(&mut self, event: Event<'_>, span: saphyr_parser::Span) -> Step {
        let span = self.span(span);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.count(1, span)?;
                let node = self.scalar(value.into_owned(), style, tag.as_deref(), span);
                if anchor > 0 {
                    self.anchors.insert(anchor, Some((node.clone(), 1)));
                }
                self.put(node)
            }
            Event::SequenceStart(anchor, tag) => self.start(span, anchor, tag.as_deref(), Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), seen: HashMap::new(), key: None, merges: Vec::new() };
                self.start(span, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(Some((_, nodes))) => {
                    let nodes = *nodes;
                    self.count(nodes, span)?;
                    match self.anchors.get(&anchor) {
                        Some(Some((node, _))) => self.put(node.clone()),
                        _ => Ok(()),
                    }
                }
                Some(None) => Err(error("an alias refers to a value that contains it", span)),
                None => Err(error("an alias (`*name`) to an anchor that doesn't exist", span)),
            },
            _ => Ok(()),
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Step {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let what = format!("more than {MAX_NODES} values (aliases counted each time): this file is too large");
            return Err(Box::new(Diagnostic::new(Code::LimitExceeded, what).at(span)));
        }
        Ok(())
    }

    fn start(&mut self, start: Span, anchor: usize, tag: Option<&Tag>, content: Content) -> Step {
        self.count(1, start)?;
        self.check_tag(tag, start, &["map", "seq"]);
        if self.open.len() >= MAX_DEPTH {
            let what = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Box::new(Diagnostic::new(Code::LimitExceeded, what).at(start)));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { start, anchor, nodes_before: self.nodes - 1, content });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Step {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let kind = match open.content {
            Content::List(items) => Kind::List(items),
            Content::Map { mut entries, merges, .. } => {
                if !merges.is_empty() {
                    let mut have = entries.iter().map(|(key, _)| key.value.clone()).collect();
                    for merge in merges {
                        merge_into(&mut entries, &mut have, merge)?;
                    }
                }
                Kind::Map(entries)
            }
        };
        let node = Node { span: Span { end: end.start.max(open.start.end), ..open.start }, kind };
        if open.anchor > 0 {
            self.anchors.insert(open.anchor, Some((node.clone(), self.nodes - open.nodes_before)));
        }
        self.put(node)
    }

    /// Adds a finished value to the list or mapping around it, or to the documents.
    fn put(&mut self, node: Node) -> Step {
        let Some(open) = self.open.last_mut() else {
            if node.kind != Kind::Null {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, seen, key, merges } => match key.take() {
                None => *key = Some(key_text(node)?),
                Some(name) if name.value == "<<" && name.style == Style::Plain => merges.push(node),
                Some(name) => match seen.get(&name.value) {
                    None => {
                        seen.insert(name.value.clone(), name.span);
                        entries.push((name, node));
                    }
                    Some(first) => {
                        let twice = format!("duplicate key `{}`", name.value);
                        let twice = Diagnostic::new(Code::DuplicateKey, twice).at(name.span);
                        self.found.push(twice.related(*first, "first here").help("keep one of them"));
                    }
                },
            },
        }
        Ok(())
    }

    fn scalar(&mut self, value: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        let span = if style == Style::Block { self.with_header(span) } else { span };
        self.check_tag(tag, span, &["str", "int", "float", "bool", "null"]);
        let text = |value| Kind::String(Text { span, value, style });
        // A tag without a meaning was most likely meant as a string; reading it as one causes no further findings.
        let known = |tag: &Tag| matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null");
        let as_text = style != Style::Plain || tag.is_some_and(|tag| !known(tag));
        let kind = if as_text {
            let unknown = tag.filter(|tag| style == Style::Plain && value.is_empty() && tag.suffix != "str");
            text(unknown.map_or(value, Tag::to_string))
        } else {
            match scalar::plain(&value) {
                Ok(meaning) => {
                    if meaning.ambiguous {
                        self.found.push(ambiguous(&value, meaning.kind.as_ref(), span));
                    }
                    meaning.kind.unwrap_or_else(|| text(value))
                }
                Err(scalar::TooLarge) => {
                    self.found.push(
                        Diagnostic::new(Code::Yaml, format!("{} doesn't fit into 64 bits", shortened(&value, 24)))
                            .at(span)
                            .help("quote it if it is text, such as an id"),
                    );
                    Kind::Null
                }
            }
        };
        Node { span, kind }
    }

    /// A block scalar's span with its `|` or `>`: the parser gives only that of the content.
    fn with_header(&self, span: Span) -> Span {
        let before = &self.text[..(span.start as usize).min(self.text.len())];
        let lines = before.trim_end_matches([' ', '\t', '\n', '\r']);
        let header = lines.rfind('\n').map_or(0, |at| at + 1);
        match lines[header..].rfind(['|', '>']) {
            Some(at) => Span::new(span.file, header + at, span.end as usize),
            None => span,
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, span: Span, known: &[&str]) {
        if let Some(tag) = tag {
            let core = tag.is_yaml_core_schema() || tag.handle == "!!";
            if !(core && known.contains(&tag.suffix.as_str())) {
                self.found.push(
                    Diagnostic::new(Code::Yaml, format!("the tag `{tag}` has no meaning here"))
                        .at(span)
                        .help("text that starts with `!` must be quoted in YAML: \"!train-cpu\""),
                );
            }
        }
    }
}

/// Merges `<<`: the keys of another mapping that this one doesn't have itself.
fn merge_into(entries: &mut Vec<(Text, Node)>, have: &mut HashSet<String>, from: Node) -> Step {
    let span = from.span;
    match from.kind {
        Kind::Map(more) => {
            entries.extend(more.into_iter().filter(|(key, _)| have.insert(key.value.clone())));
            Ok(())
        }
        Kind::List(list) => list.into_iter().try_for_each(|one| merge_into(entries, have, one)),
        _ => Err(error("`<<` takes a mapping or a list of mappings", span)),
    }
}

fn error(what: &str, span: Span) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::new(Code::Yaml, what).at(span).help("text that starts with `*` must be quoted in YAML: \"*-gpu\""),
    )
}

fn ambiguous(value: &str, kind: Option<&Kind>, span: Span) -> Diagnostic {
    let read = match kind {
        Some(Kind::Bool(b)) => format!("the boolean {b}"),
        Some(Kind::Number(n)) => format!("the number {n}"),
        _ => "something else".to_owned(),
    };
    let mut diagnostic = Diagnostic::new(Code::AmbiguousScalar, format!("`{value}` is {read} to Helm and kubectl"))
        .at(span)
        .help(format!("write \"{value}\" for the text, or {} for the value", read.rsplit(' ').next().unwrap_or("it")));
    diagnostic.severity = Severity::Warning;
    diagnostic
}

/// A mapping's key as a string; JSON, which Helm converts values to, has no other keys.
fn key_text(node: Node) -> Result<Text, Box<Diagnostic>> {
    let made = |value: String| Ok(Text { span: node.span, value, style: Style::Plain });
    match node.kind {
        Kind::String(text) => Ok(text),
        Kind::Bool(b) => made(b.to_string()),
        Kind::Number(n) => made(n.to_string()),
        Kind::Null => made("null".to_owned()),
        Kind::List(_) | Kind::Map(_) => Err(Box::new(
            Diagnostic::new(Code::Yaml, "a list or a mapping can't be a key")
                .at(node.span)
                .help("text that starts with `{` or `[` must be quoted in YAML"),
        )),
    }
}

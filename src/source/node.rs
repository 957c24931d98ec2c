//! A YAML or JSON value that remembers where it was written.

use crate::diagnostic::{FileId, Sources, Span};
use crate::edit::Step;
use serde_json::{Map, Number, Value};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The place; for a block scalar, its header included.
    pub span: Span,
    /// The value.
    pub kind: Kind,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`, `~` or an empty value.
    Null,
    /// `true` or `false`, and YAML 1.1's `yes`, `on` and so on.
    Bool(bool),
    /// A number of at most 64 bits.
    Number(Number),
    /// A string.
    String(Text),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written; keys are unique.
    Map(Vec<(Text, Node)>),
}

/// A text with its place and the style in which it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The place, quotes and block header included.
    pub span: Span,
    /// The text, without quotes and escapes.
    pub value: String,
    /// How it was written.
    pub style: Style,
}

/// The style in which a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// After `|` or `>`.
    Block,
    /// Not read, but made by podrules or a script.
    Made,
}

impl Text {
    /// The place in the source of the byte at `offset` in the value, considering quotes, escapes, indentation and folds.
    pub fn locate(&self, sources: &Sources, offset: usize) -> Span {
        self.locate_all(sources, &[offset])[0]
    }

    /// The places of several ascending offsets, found in one pass: one place for each offset.
    pub fn locate_all(&self, sources: &Sources, offsets: &[usize]) -> Vec<Span> {
        let raw = sources.slice(self.span);
        let mut places = Vec::with_capacity(offsets.len());
        let place = |source: usize| {
            let at = self.span.start as usize + source.min(raw.len());
            let width = raw.get(source..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            Span::new(self.span.file, at, at + width)
        };
        let mut source = skip_header(raw, self.style).min(raw.len());
        for (at, wanted) in self.value.char_indices() {
            source = seek(raw, source, wanted);
            while places.len() < offsets.len() && offsets[places.len()] <= at {
                places.push(place(source));
            }
            if places.len() == offsets.len() {
                return places;
            }
            source += raw[source..].chars().next().map_or(0, char::len_utf8);
        }
        places.resize(offsets.len(), place(source));
        places
    }

    /// The place of a range of bytes of the value.
    pub fn locate_range(&self, sources: &Sources, from: usize, to: usize) -> Span {
        let start = self.locate(sources, from);
        if to <= from {
            return start;
        }
        let last = before(&self.value, to).char_indices().next_back().map_or(from, |(at, _)| at);
        let end = self.locate(sources, last);
        Span { end: end.end.max(start.end), ..start }
    }
}

/// The text up to an offset, extended to the end of the character that the offset is in.
fn before(text: &str, to: usize) -> &str {
    let end = (to..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[..end]
}

/// The offset at which the content of a scalar begins in its raw text.
fn skip_header(raw: &str, style: Style) -> usize {
    match style {
        Style::Quoted => 1,
        Style::Block => raw.find('\n').map_or(0, |at| at + 1),
        Style::Plain | Style::Made => 0,
    }
}

/// The next offset at or after `from` where the source has the character `wanted`: as itself, as an escape, or, for the
/// space of a fold, as white space. What is skipped is indentation, which content never begins with.
fn seek(raw: &str, from: usize, wanted: char) -> usize {
    for (at, found) in raw[from..].char_indices() {
        let hit = found == wanted || found == '\\' || (wanted == ' ' && found == '\n');
        if hit || !(found.is_whitespace()) {
            return from + at;
        }
    }
    raw.len()
}

impl Node {
    /// Makes a node of a value, all parts of it at `span`.
    pub fn made(value: &Value, span: Span) -> Node {
        let text = |value: &str| Text { span, value: value.to_owned(), style: Style::Made };
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(b) => Kind::Bool(*b),
            Value::Number(n) => Kind::Number(n.clone()),
            Value::String(s) => Kind::String(text(s)),
            Value::Array(list) => Kind::List(list.iter().map(|v| Node::made(v, span)).collect()),
            Value::Object(map) => Kind::Map(map.iter().map(|(k, v)| (text(k), Node::made(v, span))).collect()),
        };
        Node { span, kind }
    }

    /// Makes an empty mapping at the start of a file.
    pub fn empty_map(file: FileId) -> Node {
        Node { span: Span::new(file, 0, 0), kind: Kind::Map(Vec::new()) }
    }

    /// The value as JSON, without places.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Number(n) => Value::Number(n.clone()),
            Kind::String(text) => Value::String(text.value.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(k, v)| (k.value.clone(), v.to_value())).collect::<Map<_, _>>())
            }
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The entry of a key, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&(Text, Node)> {
        self.entries().iter().find(|(k, _)| k.value == key)
    }

    /// The value at the end of a chain of keys, if it exists.
    pub fn get_path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |here, key| here.get(key))
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Text, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The string with its place, if this is one.
    pub fn as_text(&self) -> Option<&Text> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(|text| text.value.as_str())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// Whether it is empty: null, or an empty string, list or mapping.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::String(text) => text.value.is_empty(),
            Kind::List(items) => items.is_empty(),
            Kind::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// Its type in words, such as `a list`.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "an object",
        }
    }

    /// The place at which the value at these steps was written: that of its key, for the entry of a mapping.
    pub fn span_at(&self, steps: &[Step]) -> Option<Span> {
        let mut here = self;
        let mut span = self.span;
        for step in steps {
            match step {
                Step::Key(key) => {
                    let (name, value) = here.entry(key)?;
                    span = name.span;
                    here = value;
                }
                Step::Index(index) => {
                    here = here.items().get(*index)?;
                    span = here.span;
                }
            }
        }
        Some(span)
    }
}

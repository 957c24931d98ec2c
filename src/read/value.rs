//! Single values.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::{Kind, Node, Text};

/// Something that can be read from a node.
pub trait Read: Sized {
    /// Reads it; mistakes go to `found`. `None` means that at least one was reported.
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self>;

    /// Reads as much of it as can be used; the rest is reported and left out. `None` if nothing can be used. For most
    /// types it is all or nothing.
    fn read_partly(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        Self::read(node, found)
    }
}

/// A mapping with a fixed set of keys, as [`record!`](crate::record) declares it.
pub trait Record: Read {
    /// Its name in messages; of an operation, its name in rules.
    const NAME: &'static str;
    /// Its keys.
    const KEYS: &'static [&'static str];
}

impl Read for Node {
    fn read(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(node.clone())
    }
}

impl Read for Text {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(text) => Some(text.clone()),
            _ => wrong(node, "a string", found),
        }
    }
}

impl Read for bool {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.kind {
            Kind::Bool(b) => Some(b),
            _ => wrong(node, "true or false", found),
        }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::List(items) => {
                let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, found)).collect();
                read.into_iter().collect()
            }
            _ => wrong(node, "a list", found),
        }
    }

    /// The elements that can be read. A null is an empty list.
    fn read_partly(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Null => Some(Vec::new()),
            Kind::List(items) => Some(items.iter().filter_map(|item| T::read(item, found)).collect()),
            _ => wrong(node, "a list", found),
        }
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::read(node, found).map(Some) }
    }
}

/// Reports a value of the wrong type.
pub fn wrong<T>(node: &Node, wanted: &str, found: &mut Diagnostics) -> Option<T> {
    let given = node.kind_name();
    found.push(Diagnostic::new(Code::WrongType, format!("expected {wanted}, found {given}")).at(node.span));
    None
}

/// Reports a word that isn't one of those a key takes.
pub fn not_a_word<T>(node: &Node, words: &[&str], found: &mut Diagnostics) -> Option<T> {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let list = match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    let given = node.as_str().map_or_else(|| node.kind_name().to_owned(), |word| format!("`{word}`"));
    let diagnostic = Diagnostic::new(Code::BadValue, format!("expected {list}, found {given}")).at(node.span);
    let meant = node.as_str().and_then(|word| did_you_mean(word, words.iter().copied()));
    found.push(match meant {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    None
}

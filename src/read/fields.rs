//! The keys of a mapping.

use super::value::{Read, wrong};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::{Kind, Node, Style, Text};
use std::borrow::Cow;

/// A mapping whose keys are read one by one.
pub struct Fields<'n> {
    pub(super) node: &'n Node,
    what: &'static str,
    known: &'static [&'static str],
}

impl<'n> Fields<'n> {
    /// Opens a mapping; `what` names it in messages, `known` lists its keys. Unknown keys are reported at once.
    pub fn open(
        node: &'n Node,
        what: &'static str,
        known: &'static [&'static str],
        found: &mut Diagnostics,
    ) -> Option<Self> {
        if !matches!(node.kind, Kind::Map(_)) {
            let given = node.kind_name();
            found.push(
                Diagnostic::new(Code::WrongType, format!("`{what}` takes an object, not {given}"))
                    .at(node.span)
                    .help(format!("its keys are {}", listed(known))),
            );
            return None;
        }
        for (key, _) in node.entries() {
            if !known.contains(&key.value.as_str()) {
                found.push(unknown_key(key, what, known));
            }
        }
        Some(Fields { node, what, known })
    }

    /// The value of a key; nothing if the mapping doesn't have it.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        debug_assert!(self.known.contains(&key));
        self.node.get(key)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &str, found: &mut Diagnostics) {
        let message = format!("`{}` needs the key `{key}`", self.what);
        found.push(Diagnostic::new(Code::MissingKey, message).at(self.node.span));
    }

    /// Reads a key that must be there.
    pub fn required<T: Read>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        match self.get(key) {
            Some(value) => T::read(value, found),
            None => {
                self.missing(key, found);
                None
            }
        }
    }

    /// Reads a key that may be left out. `None` means a mistake.
    pub fn optional<T: Read + Default>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        match self.get(key) {
            Some(value) => T::read(value, found),
            None => Some(T::default()),
        }
    }
}

/// A mapping, or a text as the mapping of one key that it is short for.
pub fn expanded<'n>(node: &'n Node, key: &str, found: &mut Diagnostics) -> Option<Cow<'n, Node>> {
    match &node.kind {
        Kind::Map(_) => Some(Cow::Borrowed(node)),
        Kind::String(_) => {
            let key = Text { span: node.span, value: key.to_owned(), style: Style::Made };
            Some(Cow::Owned(Node { span: node.span, kind: Kind::Map(vec![(key, node.clone())]) }))
        }
        _ => wrong(node, "a string or an object", found),
    }
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}

/// An unknown key, with the known one that was probably meant.
pub fn unknown_key(key: &Text, what: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::UnknownKey, format!("`{what}` has no key `{}`", key.value)).at(key.span);
    match did_you_mean(&key.value, known.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help(format!("its keys are {}", listed(known))),
    }
}

//! Nodes to what was written: every mistake of a mapping is gathered before it is given up.

mod schema;

pub use schema::object_schema;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::{Kind, Node, Text};

/// Something that can be read from a node. `None` means that at least one error was reported.
pub trait Read: Sized {
    /// The keys it takes, if it is a mapping with a fixed set of them.
    const KEYS: &'static [&'static str] = &[];
    /// Reads it; mistakes go to `found`.
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self>;
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

/// The keys of a mapping, taken one by one; what is left at the end has no meaning.
pub struct Fields<'n> {
    node: &'n Node,
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
            let keys = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            let given = node.kind_name();
            found.push(
                Diagnostic::new(Code::WrongType, format!("`{what}` takes an object, not {given}"))
                    .at(node.span)
                    .help(format!("its keys are {keys}")),
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

    /// A key that must be there.
    pub fn required<T: Read>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        debug_assert!(self.known.contains(&key));
        match self.node.get(key) {
            Some(value) => T::read(value, found),
            None => {
                found.push(
                    Diagnostic::new(Code::MissingKey, format!("`{}` needs the key `{key}`", self.what))
                        .at(self.node.span),
                );
                None
            }
        }
    }

    /// A key that may be left out. The outer `None` means a mistake.
    pub fn optional<T: Read + Default>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        debug_assert!(self.known.contains(&key));
        match self.node.get(key) {
            Some(value) => T::read(value, found),
            None => Some(T::default()),
        }
    }
}

/// An unknown key, with the known one that was probably meant.
pub fn unknown_key(key: &Text, what: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::UnknownKey, format!("`{what}` has no key `{}`", key.value)).at(key.span);
    match did_you_mean(&key.value, known.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => {
            let keys = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            diagnostic.help(format!("its keys are {keys}"))
        }
    }
}

/// Declares a mapping that users write: the type, its JSON Schema and its reading come from the one declaration.
///
/// Each field says whether it is `required` or `optional` (then its type has a default), and its key in YAML.
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident as $what:literal {
            $( $(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty = $key:literal, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $vis $field: $type, )*
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::read::object_schema(
                    concat!($($about, "\n"),+),
                    vec![$( ($key, stringify!($need) == "required", generator.subschema_for::<$type>(), concat!($($doc, "\n"),+)) ),*],
                )
            }
        }

        impl $crate::read::Read for $name {
            const KEYS: &'static [&'static str] = &[$($key),*];

            fn read(
                node: &$crate::source::Node,
                found: &mut $crate::diagnostic::Diagnostics,
            ) -> Option<Self> {
                let fields = $crate::read::Fields::open(node, $what, Self::KEYS, found)?;
                $( let $field = fields.$need::<$type>($key, found); )*
                Some($name { $( $field: $field?, )* })
            }
        }
    };
}

/// Declares a choice between words that users write.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
        $vis enum $name {
            #[default]
            $( $(#[doc = $doc])+ #[schemars(rename = $word)] $variant, )+
        }

        impl $crate::read::Read for $name {
            fn read(
                node: &$crate::source::Node,
                found: &mut $crate::diagnostic::Diagnostics,
            ) -> Option<Self> {
                match node.as_str() {
                    $( Some($word) => Some($name::$variant), )+
                    _ => $crate::read::not_a_word(node, &[$($word),+], found),
                }
            }
        }
    };
}

/// Reports a word that isn't one of those a key takes.
pub fn not_a_word<T>(node: &Node, words: &[&str], found: &mut Diagnostics) -> Option<T> {
    let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(" or ");
    let given = node.as_str().map_or_else(|| node.kind_name().to_owned(), |word| format!("`{word}`"));
    let diagnostic = Diagnostic::new(Code::BadValue, format!("expected {list}, found {given}")).at(node.span);
    let meant = node.as_str().and_then(|word| did_you_mean(word, words.iter().copied()));
    found.push(match meant {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    None
}

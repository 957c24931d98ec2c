//! What can be used of something that has mistakes, so that one run reports the mistakes in all parts of it.

use super::fields::Fields;
use super::value::Read;
use crate::diagnostic::Diagnostics;
use crate::source::{Node, Style, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

/// As much of something as could be read.
#[derive(Debug, Clone)]
pub struct Partial<T> {
    /// What could be read.
    pub value: T,
    /// Whether that is all of it.
    pub complete: bool,
}

impl<T: Read> Read for Partial<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let before = found.errors();
        let value = T::read_partly(node, found)?;
        Some(Partial { value, complete: found.errors() == before })
    }
}

impl<T: JsonSchema> JsonSchema for Partial<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What takes the place of a required value that is missing or can't be read, while the rest is checked.
pub trait StandIn {
    /// The value to go on with; `record` is the mapping that lacks it.
    fn stand_in(record: &Node) -> Self;
}

impl StandIn for Text {
    fn stand_in(record: &Node) -> Self {
        Text { span: record.span, value: "?".into(), style: Style::Made }
    }
}

impl<T> StandIn for Vec<T> {
    fn stand_in(_: &Node) -> Self {
        Vec::new()
    }
}

/// Reads the keys of a mapping as far as they can be read.
pub struct Partly<'f>(pub Fields<'f>);

impl Partly<'_> {
    /// Reads a key that must be there.
    pub fn required<T: Read + StandIn>(&self, key: &str, found: &mut Diagnostics) -> T {
        let read = match self.0.get(key) {
            Some(value) => T::read_partly(value, found),
            None => {
                self.0.missing(key, found);
                None
            }
        };
        read.unwrap_or_else(|| T::stand_in(self.0.node))
    }

    /// Reads a key that may be left out.
    pub fn optional<T: Read + Default>(&self, key: &str, found: &mut Diagnostics) -> T {
        self.0.get(key).and_then(|value| T::read_partly(value, found)).unwrap_or_default()
    }
}

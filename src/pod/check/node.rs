//! A place in a Pod that is being checked: its value and the way to it, which becomes a pointer only for a finding.

use crate::edit::{Pointer, Step};
use serde_json::Value;

#[derive(Clone, Copy)]
enum Part<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

/// A value and its place.
#[derive(Clone, Copy)]
pub(super) struct Node<'p, 'v> {
    pub value: &'v Value,
    part: Part<'p>,
    parent: Option<&'p Node<'p, 'v>>,
}

impl<'v> Node<'_, 'v> {
    pub fn root(value: &'v Value) -> Self {
        Node { value, part: Part::Root, parent: None }
    }

    /// A field of an object; a null counts as absent.
    pub fn field<'s>(&'s self, key: &'s str) -> Option<Node<'s, 'v>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Node { value, part: Part::Key(key), parent: Some(self) })
    }

    /// The elements of a list; none if it isn't a list.
    pub fn items<'s>(&'s self) -> impl Iterator<Item = Node<'s, 'v>> {
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().enumerate().map(|(n, value)| Node { value, part: Part::Index(n), parent: Some(self) })
    }

    /// The keys and values of an object; none if it isn't an object.
    pub fn entries<'s>(&'s self) -> impl Iterator<Item = (&'v str, Node<'s, 'v>)>
    where
        'v: 's,
    {
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), Node { value, part: Part::Key(key), parent: Some(self) }))
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&'v str> {
        self.value.as_str()
    }

    /// The string of a field, unless it is empty: for most fields, empty means absent.
    pub fn text_of(&self, key: &str) -> Option<&'v str> {
        self.value.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The integer of a field.
    pub fn number_of(&self, key: &str) -> Option<i64> {
        self.value.get(key)?.as_i64()
    }

    /// Whether a field is true.
    pub fn says(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Its place.
    pub fn pointer(&self) -> Pointer {
        let mut steps: Vec<Step> = Vec::new();
        let mut here = Some(self);
        while let Some(node) = here {
            match node.part {
                Part::Root => {}
                Part::Key(key) => steps.push(Step::from(key)),
                Part::Index(index) => steps.push(Step::from(index)),
            }
            here = node.parent;
        }
        steps.into_iter().rev().collect()
    }

    /// The place of a field of it, whether or not it exists.
    pub fn place(&self, key: &str) -> Pointer {
        self.pointer().child(key)
    }
}

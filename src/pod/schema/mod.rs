//! The fields of a Pod and their types, as Kubernetes 1.34 knows them.
//!
//! `schema.txt`, beside this folder, is a table made of k8s-openapi's Pod by `UPDATE=1 cargo test --test pod_schema`:
//! a type's name, then a line a field, `name type`, with `!` after the name of a field that must be there. A type is a
//! scalar's name, another type's name, `[` and what a list holds, or `{` and what a map holds.

mod places;

pub use places::places;

use crate::edit::Step;
use std::collections::HashMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../schema.txt");

/// A type of object: its name in the API reference, and its fields.
#[derive(Debug)]
pub struct Type {
    /// Such as `Container`.
    pub name: &'static str,
    /// Sorted by name.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Such as `image`.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// What a field, an element or a map's value may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    String,
    /// true or false.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A resource quantity: a text or a number.
    Quantity,
    /// A number or a text, such as a port.
    IntOrString,
    /// A date and time of RFC 3339.
    Time,
    /// Anything.
    Any,
    /// An object of a type; [`Shape::object`] finds it.
    Object(usize),
    /// A list.
    List(Box<Shape>),
    /// A map with keys of the user's choice.
    Map(Box<Shape>),
}

/// What the schema says of a place in a Pod.
#[derive(Debug)]
pub enum Lookup {
    /// The place has this shape.
    Known(&'static Shape),
    /// A step on the way, or the last, is no field of its object.
    UnknownField {
        /// The type of the object.
        parent: &'static Type,
        /// The step that isn't known, as an index among the steps.
        depth: usize,
        /// The fields that the type has.
        known: Vec<&'static str>,
    },
    /// A step goes into something that has no such steps: an index into an object, a field of a text.
    Mismatch {
        /// What the step goes into.
        parent: &'static Shape,
        /// The step, as an index among the steps.
        depth: usize,
    },
    /// Inside of something that may hold anything.
    Free,
}

impl Type {
    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let place = self.fields.binary_search_by(|field| field.name.cmp(name)).ok()?;
        self.fields.get(place)
    }

    /// What a message calls such an object.
    pub fn noun(&self) -> String {
        match self.name {
            "Pod" => "a Pod".to_string(),
            "PodSpec" => "a Pod's spec".to_string(),
            "ObjectMeta" => "metadata".to_string(),
            "Container" => "a container".to_string(),
            "Volume" => "a volume".to_string(),
            "EnvVar" => "an environment variable".to_string(),
            "VolumeMount" => "a volume mount".to_string(),
            "ContainerPort" => "a container's port".to_string(),
            "ResourceRequirements" => "resource requirements".to_string(),
            name if name.starts_with(['A', 'E', 'I', 'O']) => format!("an {name}"),
            name => format!("a {name}"),
        }
    }
}

impl Shape {
    /// The type of an object; nothing for other shapes.
    pub fn object(&self) -> Option<&'static Type> {
        match self {
            Shape::Object(index) => types().get(*index),
            _ => None,
        }
    }

    /// What a message says is wanted here.
    pub fn wanted(&self) -> &'static str {
        match self {
            Shape::String | Shape::Time => "a string",
            Shape::Bool => "a boolean",
            Shape::Int32 | Shape::Int64 => "an integer",
            Shape::Quantity => "a quantity",
            Shape::IntOrString => "an integer or a string",
            Shape::Any => "anything",
            Shape::Object(_) | Shape::Map(_) => "an object",
            Shape::List(_) => "a list",
        }
    }
}

/// The type of the whole Pod.
pub fn pod() -> &'static Type {
    // The table starts with it.
    &types()[0]
}

/// A type by its name, such as `Container`.
pub fn by_name(name: &str) -> Option<&'static Type> {
    types().iter().find(|known| known.name == name)
}

/// What stands at a place of a Pod, as far as the schema says.
pub fn type_at(steps: &[Step]) -> Lookup {
    static ROOT: Shape = Shape::Object(0);
    let mut here: &'static Shape = &ROOT;
    for (depth, step) in steps.iter().enumerate() {
        here = match (here, step) {
            (Shape::Any, _) => return Lookup::Free,
            (Shape::List(inner), Step::Index(_)) | (Shape::Map(inner), Step::Key(_)) => inner,
            (Shape::Object(index), Step::Key(key)) => {
                let parent = &types()[*index];
                match parent.field(key) {
                    Some(field) => &field.shape,
                    None => {
                        let known = parent.fields.iter().map(|field| field.name).collect();
                        return Lookup::UnknownField { parent, depth, known };
                    }
                }
            }
            (parent, _) => return Lookup::Mismatch { parent, depth },
        };
    }
    if *here == Shape::Any { Lookup::Free } else { Lookup::Known(here) }
}

fn types() -> &'static [Type] {
    static TYPES: OnceLock<Vec<Type>> = OnceLock::new();
    TYPES.get_or_init(|| read(TABLE))
}

/// Reads the table. It's ours and a test compares it with its source, so that what can't be read is left as [`Shape::Any`].
fn read(table: &'static str) -> Vec<Type> {
    let names = || table.lines().filter(|line| !line.starts_with(' '));
    let index: HashMap<&str, usize> = names().enumerate().map(|(n, name)| (name, n)).collect();
    let mut types: Vec<Type> = names().map(|name| Type { name, fields: Vec::new() }).collect();
    let mut at = 0;
    for line in table.lines() {
        match line.strip_prefix(' ').and_then(|line| line.split_once(' ')) {
            Some((name, shape)) => {
                let required = name.ends_with('!');
                let field = Field { name: name.trim_end_matches('!'), shape: shape_of(shape, &index), required };
                types[at].fields.push(field);
            }
            None => at = index.get(line).copied().unwrap_or(at),
        }
    }
    types
}

fn shape_of(text: &str, index: &HashMap<&str, usize>) -> Shape {
    match text {
        "string" => Shape::String,
        "bool" => Shape::Bool,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "quantity" => Shape::Quantity,
        "int-or-string" => Shape::IntOrString,
        "time" => Shape::Time,
        _ => match (text.split_at_checked(1), index.get(text)) {
            (Some(("[", inner)), _) => Shape::List(Box::new(shape_of(inner, index))),
            (Some(("{", inner)), _) => Shape::Map(Box::new(shape_of(inner, index))),
            (_, Some(found)) => Shape::Object(*found),
            _ => Shape::Any,
        },
    }
}

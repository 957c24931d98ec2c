//! The fields of a Pod and their types, as Kubernetes 1.34 knows them.
//!
//! `schema.txt`, beside this folder, is a table that `UPDATE=1 cargo test --test pod_schema` generates from k8s-openapi's
//! Pod: a type's name, then one line per field, `name type`, with `!` after the name of a required field. A type is the name
//! of a scalar or of another type, `[` and the type of a list's elements, or `{` and the type of a map's values.

mod places;

pub use places::places;

use crate::edit::Step;
use std::collections::HashMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../schema.txt");

/// A type of object: its name in the API reference, and its fields.
#[derive(Debug)]
pub struct Type {
    /// Its name in the API reference, such as `Container`.
    pub name: &'static str,
    /// Its fields, sorted by name.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name, such as `image`.
    pub name: &'static str,
    /// The shape of its value.
    pub shape: Shape,
    /// Whether the schema requires it.
    pub required: bool,
}

/// The shape of a field, of a list's element or of a map's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    String,
    /// `true` or `false`.
    Bool,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits.
    Int64,
    /// A resource quantity: a string or a number.
    Quantity,
    /// An integer or a string, such as a port.
    IntOrString,
    /// A date and time of RFC 3339.
    Time,
    /// Any value.
    Any,
    /// An object of a type; [`Shape::object`] finds it.
    Object(usize),
    /// A list, with the shape of its elements.
    List(Box<Shape>),
    /// A map with keys of the user's choice, with the shape of its values.
    Map(Box<Shape>),
}

/// What the schema says about a place in a Pod.
#[derive(Debug)]
pub enum Lookup {
    /// The place has this shape.
    Known(&'static Shape),
    /// A step on the way, or the last, isn't a field of its object.
    UnknownField {
        /// The type of the object.
        parent: &'static Type,
        /// The index of the unknown step.
        depth: usize,
        /// The fields that the type has.
        known: Vec<&'static str>,
    },
    /// A step doesn't fit the shape before it: an index into an object, or a field of a string.
    Mismatch {
        /// The shape before the step.
        parent: &'static Shape,
        /// The index of the step.
        depth: usize,
    },
    /// The place is inside a value that the schema leaves open.
    Free,
}

impl Type {
    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let place = self.fields.binary_search_by(|field| field.name.cmp(name)).ok()?;
        self.fields.get(place)
    }

    /// What messages call such an object, such as `a container`.
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
    /// The type of an object; `None` for other shapes.
    pub fn object(&self) -> Option<&'static Type> {
        match self {
            Shape::Object(index) => types().get(*index),
            _ => None,
        }
    }

    /// What messages say is expected, such as `an integer`.
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

/// The type of a Pod.
pub fn pod() -> &'static Type {
    // It is the first type in the table.
    &types()[0]
}

/// A type by its name, such as `Container`.
pub fn by_name(name: &str) -> Option<&'static Type> {
    types().iter().find(|known| known.name == name)
}

/// Looks a place of a Pod up in the schema.
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

/// Reads the table. A test compares it with its source, so a type that can't be read is simply [`Shape::Any`].
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

//! Checks values in rules against the Pod's schema: a value of the wrong type for a known field is reported at its place
//! when the rules are loaded, before a task fails.

use super::compiler::Compiler;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::edit::Step;
use crate::path::{Path, SingularStep};
use crate::pod::quantity::Quantity;
use crate::pod::schema::{self, Lookup, Shape};
use crate::source::{Kind, Node, Style};

impl Compiler<'_> {
    /// Checks a value for a path of the Pod. The results of expressions are not checked here.
    pub fn check_value(&mut self, path: &Path, value: &Node) {
        let Some(steps) = steps(path) else { return };
        if let Lookup::Known(shape) = schema::type_at(&steps) {
            self.check_shape(shape, value);
        }
    }

    /// Checks a value against an object type of the schema, such as `Volume`.
    pub fn check_object(&mut self, type_name: &str, value: &Node) {
        let Some(known) = schema::by_name(type_name) else { return };
        for (key, inner) in value.entries() {
            match known.field(&key.value) {
                Some(field) => self.check_shape(&field.shape, inner),
                None if key.value.contains("${") => {}
                None => {
                    let mut unknown = Diagnostic::new(
                        Code::UnknownField,
                        format!("`{}` is not a field of {}", key.value, known.noun()),
                    )
                    .at(key.span);
                    unknown.help = did_you_mean(&key.value, known.fields.iter().map(|f| f.name))
                        .map(|meant| format!("did you mean `{meant}`?"));
                    self.found.push(unknown);
                }
            }
        }
    }

    fn check_shape(&mut self, shape: &Shape, value: &Node) {
        // A value from a script is checked with the complete Pod.
        let open = value.is_null()
            || value.as_text().is_some_and(|text| text.value.contains("${") || text.style == Style::Made);
        if open {
            return;
        }
        let right = match (shape, &value.kind) {
            (Shape::Any, _) => true,
            (Shape::String | Shape::Time, kind) => matches!(kind, Kind::String(_)),
            (Shape::Bool, kind) => matches!(kind, Kind::Bool(_)),
            (Shape::Int32 | Shape::Int64, kind) => matches!(kind, Kind::Number(n) if n.is_i64()),
            (Shape::IntOrString, kind) => matches!(kind, Kind::String(_) | Kind::Number(_)),
            (Shape::Quantity, Kind::String(_) | Kind::Number(_)) => {
                if let Err(error) = Quantity::from_value(&value.to_value()) {
                    self.found.push(
                        Diagnostic::new(Code::BadQuantity, format!("this is not a quantity: {error}"))
                            .at(value.span)
                            .help("write for example 500m, 2 or 16Gi"),
                    );
                }
                true
            }
            (Shape::Quantity, _) => false,
            (Shape::List(inner), Kind::List(items)) => {
                items.iter().for_each(|item| self.check_shape(inner, item));
                true
            }
            (Shape::Map(inner), Kind::Map(entries)) => {
                entries.iter().for_each(|(_, value)| self.check_shape(inner, value));
                true
            }
            (Shape::Object(_), Kind::Map(_)) => {
                if let Some(object) = shape.object() {
                    self.check_object(object.name, value);
                }
                true
            }
            (Shape::List(_) | Shape::Map(_) | Shape::Object(_), _) => false,
        };
        if !right {
            let message = format!("this field takes {}, not {}", shape.wanted(), value.kind_name());
            let diagnostic = Diagnostic::new(Code::WrongFieldType, message).at(value.span);
            self.found.push(match (&value.kind, shape) {
                (Kind::Bool(_) | Kind::Number(_), Shape::String) => diagnostic.help("quote it"),
                _ => diagnostic,
            });
        }
    }
}

/// The steps of a path that names a single place of the Pod.
fn steps(path: &Path) -> Option<Vec<Step>> {
    if path.is_relative() {
        return None;
    }
    let singular = path.singular()?;
    Some(
        singular
            .into_iter()
            .map(|step| match step {
                SingularStep::Key(key) => Step::Key(key),
                SingularStep::Index(_) => Step::Index(0),
            })
            .collect(),
    )
}

//! Checks every field of a Pod against the schema: whether it is known, its type, and whether required fields are set.

use super::{Findings, Node};
use crate::diagnostic::{Code, did_you_mean};
use crate::edit::kind_of;
use crate::pod::schema::{self, Field, Shape, Type};
use serde_json::Value;

/// The deepest level that is checked; no Pod is as deep.
const DEEPEST: usize = 64;

/// Fields that the schema requires but this check doesn't: the API server accepts an empty string or a zero, or another
/// check covers them.
const OPTIONAL: &[(&str, &str)] = &[
    ("ConfigMapEnvSource", "name"),
    ("ConfigMapKeySelector", "name"),
    ("ConfigMapProjection", "name"),
    ("ConfigMapVolumeSource", "name"),
    ("HTTPHeader", "value"),
    ("ISCSIVolumeSource", "lun"),
    ("LocalObjectReference", "name"),
    ("Pod", "metadata"),
    ("PreferredSchedulingTerm", "preference"),
    ("SecretEnvSource", "name"),
    ("SecretKeySelector", "name"),
    ("SecretProjection", "name"),
    ("SleepAction", "seconds"),
    ("Sysctl", "value"),
    ("PodSpec", "containers"),
];

/// Types whose required fields aren't checked: those of features that are off by default.
const OFF: &[&str] =
    &["ClusterTrustBundleProjection", "PodCertificateProjection", "FileKeySelector", "ContainerRestartRule"];

pub(super) fn check(root: &Node, out: &mut Findings) {
    object(root, schema::pod(), true, 0, out);
}

fn walk(node: &Node, shape: &'static Shape, strict: bool, depth: usize, out: &mut Findings) {
    if node.value.is_null() || depth > DEEPEST {
        return;
    }
    let ok = match shape {
        Shape::Any => true,
        Shape::String | Shape::Time => node.value.is_string(),
        Shape::Bool => node.value.is_boolean(),
        Shape::Int32 => return whole_number(node, i64::from(i32::MIN), i64::from(i32::MAX), out),
        Shape::Int64 => return whole_number(node, i64::MIN, i64::MAX, out),
        Shape::Quantity => node.value.is_string() || node.value.is_number(),
        Shape::IntOrString if node.value.is_number() => {
            return whole_number(node, i64::from(i32::MIN), i64::from(i32::MAX), out);
        }
        Shape::IntOrString => node.value.is_string(),
        Shape::Object(_) => match shape.object() {
            Some(object_type) => return object(node, object_type, strict, depth, out),
            None => true,
        },
        Shape::List(inner) => {
            for item in node.items() {
                match inner.object() {
                    // The server takes a null in a list for an empty object.
                    Some(object_type) if item.value.is_null() && strict => required(&item, object_type, out),
                    _ => walk(&item, inner, strict, depth + 1, out),
                }
            }
            node.value.is_array()
        }
        Shape::Map(inner) => {
            node.entries().for_each(|(_, value)| walk(&value, inner, strict, depth + 1, out));
            node.value.is_object()
        }
    };
    if !ok {
        wrong_type(node, shape.wanted(), out);
        match (shape, node.value) {
            (Shape::String, Value::Number(_) | Value::Bool(_)) => {
                out.help(format!("write it in quotes: \"{}\"", node.value))
            }
            (Shape::Bool, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
                out.help("write it without quotes");
            }
            _ => {}
        }
    }
}

fn wrong_type(node: &Node, wanted: &str, out: &mut Findings) {
    let message = format!("expected {wanted}, found {}", kind_of(node.value));
    out.error(Code::WrongFieldType, node.pointer(), message);
}

fn whole_number(node: &Node, least: i64, most: i64, out: &mut Findings) {
    let Value::Number(number) = node.value else {
        wrong_type(node, "an integer", out);
        if node.text().is_some_and(|text| text.parse::<i64>().is_ok()) {
            out.help("write it without quotes");
        }
        return;
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(value), _) if (least..=most).contains(&value) => {}
        (None, Some(value)) if value.fract() == 0.0 && value >= least as f64 && value <= most as f64 => {
            // The server refuses `1.0`, but kubectl turns it into `1` on the way there.
            out.warn(Code::WrongFieldType, node.pointer(), format!("expected an integer, found {number}"));
        }
        (None, Some(value)) if value.fract() != 0.0 => {
            out.error(Code::WrongFieldType, node.pointer(), format!("expected an integer, found {number}"));
        }
        _ => out.error(
            Code::BadFieldValue,
            node.pointer(),
            format!("{number} is out of range: it must be from {least} to {most}"),
        ),
    }
}

fn object(node: &Node, object_type: &'static Type, strict: bool, depth: usize, out: &mut Findings) {
    if !node.value.is_object() {
        return wrong_type(node, "an object", out);
    }
    for (key, value) in node.entries() {
        match object_type.field(key) {
            // The server drops the status of a new Pod whatever is in it, if it can be parsed.
            Some(field) => {
                let strict = strict && !(object_type.name == "Pod" && key == "status") && key != "managedFields";
                walk(&value, &field.shape, strict, depth + 1, out);
            }
            None if value.value.is_null() => {}
            None => unknown(node, key, object_type, out),
        }
    }
    if strict {
        required(node, object_type, out);
    }
}

fn required(node: &Node, object_type: &'static Type, out: &mut Findings) {
    if OFF.contains(&object_type.name) {
        return;
    }
    for field in object_type.fields.iter().filter(|field| field.required) {
        if is_missing(node.value.get(field.name), field) && !OPTIONAL.contains(&(object_type.name, field.name)) {
            let message = format!("{} needs `{}`", object_type.noun(), field.name);
            out.error(Code::MissingField, node.place(field.name), message);
        }
    }
}

/// Whether a required field has a value that the server takes for absent.
fn is_missing(value: Option<&Value>, field: &Field) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty() && matches!(field.shape, Shape::String | Shape::IntOrString),
        Some(Value::Array(list)) => list.is_empty() && matches!(field.shape, Shape::List(_)),
        _ => false,
    }
}

fn unknown(node: &Node, key: &str, parent: &'static Type, out: &mut Findings) {
    out.warn(Code::UnknownField, node.place(key), format!("`{key}` is not a field of {}", parent.noun()));
    if key == "volumes" && parent.name == "Container" {
        out.help("volumes belong to the Pod: write them at $.spec.volumes, and mount them with volumeMounts here");
        return;
    }
    if let Some(near) = did_you_mean(key, parent.fields.iter().map(|field| field.name)) {
        out.help(format!("did you mean `{near}`?"));
        return;
    }
    let places = schema::places(key, (parent, &node.pointer().to_string()));
    if let Some(first) = places.first() {
        out.help(match places.get(1) {
            Some(second) if places.len() == 2 => format!("it belongs at {first} or {second}"),
            _ => format!("it belongs at {first}"),
        });
    }
}

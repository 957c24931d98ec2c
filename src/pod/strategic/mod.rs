//! Kubernetes' strategic merge patch, as `kubectl patch --type=strategic` applies it.
//!
//! Objects merge field by field, null removes, and lists merge as [`list_merge`](super::merge_keys::list_merge) says. The
//! directives are those of [the Kubernetes contributors' page](https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md):
//! `$patch: replace | delete`, `$retainKeys`, `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`.
//!
//! An element that's new to its list comes before those that are there, as with kubectl, unless
//! `$setElementOrder` says otherwise. So a container that a patch adds to `containers` without it becomes `containers[0]`.
//!
//! Three things differ from kubectl on purpose, where its result is never useful: directives and nulls inside a new object
//! or element take effect (kubectl writes some of them into the Pod); a new object with `$patch: replace` is kept (kubectl
//! drops it); and fields that the schema doesn't know are merged if both are objects, and replaced otherwise (kubectl
//! refuses them).

mod list;
mod new;

use super::schema::{Shape, Type, pod};
use crate::edit::{Editor, Pointer};
use serde_json::{Map, Value};

pub(super) const PATCH: &str = "$patch";
pub(super) const RETAIN: &str = "$retainKeys";
pub(super) const ORDER: &str = "$setElementOrder/";
pub(super) const DELETE: &str = "$deleteFromPrimitiveList/";

/// The deepest nesting of a patch; a Pod is less deep.
const DEEPEST: usize = 64;

/// Where a patch can't be applied, and why.
pub type Refused = Box<(Pointer, String)>;

/// Applies a strategic merge patch to the Pod at `at`: all of it, or nothing.
///
/// # Errors
/// The place at which the patch can't be applied, and why.
pub fn strategic_merge(editor: &mut Editor, at: &Pointer, patch: &Value) -> Result<(), Refused> {
    static POD: Shape = Shape::Object(0);
    debug_assert!(POD.object().is_some_and(|object| object.name == pod().name));
    let Value::Object(patch) = patch else {
        return Err(Box::new((at.clone(), "a strategic merge patch must be an object".to_string())));
    };
    let mark = editor.mark();
    let merged = merge_object(editor, at, Some(&POD), patch, 0);
    if merged.is_err() {
        editor.rollback(mark);
    }
    merged
}

/// Merges a patch into the object at `at`; its shape may be unknown.
fn merge_object(
    editor: &mut Editor,
    at: &Pointer,
    shape: Option<&'static Shape>,
    patch: &Map<String, Value>,
    depth: usize,
) -> Result<(), Refused> {
    if depth > DEEPEST {
        return Err(Box::new((at.clone(), format!("the patch is more than {DEEPEST} levels deep"))));
    }
    if !editor.get(at).is_some_and(Value::is_object) {
        return Err(Box::new((at.clone(), "there's no object to merge into".to_string())));
    }
    match patch.get(PATCH) {
        None => {}
        Some(Value::String(word)) if word == "replace" => return set(editor, at, new::object(patch)),
        Some(Value::String(word)) if word == "delete" => return set(editor, at, Value::Object(Map::new())),
        Some(other) => {
            return Err(Box::new((at.clone(), format!("$patch must be replace or delete here, not {other}"))));
        }
    }
    retain_keys(editor, at, patch)?;
    for (key, order) in patch {
        if let Some(field) = key.strip_prefix(ORDER) {
            let place = at.child(field);
            let Value::Array(order) = order else {
                return Err(Box::new((place, format!("{key} must be a list"))));
            };
            let items = match patch.get(field) {
                Some(Value::Array(items)) => items.as_slice(),
                _ => &[],
            };
            if editor.get(&place).is_some_and(Value::is_array) || !items.is_empty() {
                list::merge(editor, &place, shape, field, items, Some(order), depth)?;
            }
        }
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE) {
            list::delete(editor, &at.child(field), value)?;
        }
    }
    for (key, value) in patch {
        match key.as_str() {
            RETAIN => {}
            _ if key.starts_with(ORDER) || key.starts_with(DELETE) => {}
            _ if key.starts_with('$') => return Err(Box::new((at.clone(), format!("there's no directive {key}")))),
            // Merged together with its order.
            _ if value.is_array() && patch.contains_key(&format!("{ORDER}{key}")) => {}
            _ => merge_field(editor, at, shape, key, value, depth)?,
        }
    }
    Ok(())
}

fn merge_field(
    editor: &mut Editor,
    at: &Pointer,
    shape: Option<&'static Shape>,
    key: &str,
    value: &Value,
    depth: usize,
) -> Result<(), Refused> {
    let place = at.child(key);
    match (editor.get(&place), value) {
        (None, Value::Null) => Ok(()),
        (Some(_), Value::Null) => editor.remove(&place).map_err(|e| Box::new((place.clone(), e.to_string()))),
        (Some(Value::Object(_)), Value::Object(patch)) => {
            merge_object(editor, &place, child(shape, key), patch, depth + 1)
        }
        (Some(Value::Array(_)), Value::Array(items)) => list::merge(editor, &place, shape, key, items, None, depth),
        (_, value) => match new::value(value) {
            Some(value) => set(editor, &place, value),
            None => Ok(()),
        },
    }
}

/// Removes the fields that `$retainKeys` doesn't name.
fn retain_keys(editor: &mut Editor, at: &Pointer, patch: &Map<String, Value>) -> Result<(), Refused> {
    let Some(keep) = patch.get(RETAIN) else { return Ok(()) };
    let names: Option<Vec<&str>> = keep.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    let Some(names) = names else {
        return Err(Box::new((at.clone(), format!("{RETAIN} must be a list of field names"))));
    };
    let stray =
        patch.iter().find(|(key, value)| !value.is_null() && !key.starts_with('$') && !names.contains(&key.as_str()));
    if let Some((stray, _)) = stray {
        return Err(Box::new((at.clone(), format!("the patch has `{stray}`, which its {RETAIN} doesn't name"))));
    }
    let gone: Vec<String> = match editor.get(at) {
        Some(Value::Object(map)) => map.keys().filter(|key| !names.contains(&key.as_str())).cloned().collect(),
        _ => Vec::new(),
    };
    for key in gone {
        let place = at.child(key.as_str());
        editor.remove(&place).map_err(|e| Box::new((place.clone(), e.to_string())))?;
    }
    Ok(())
}

fn set(editor: &mut Editor, at: &Pointer, value: Value) -> Result<(), Refused> {
    editor.set(at, value).map_err(|e| Box::new((at.clone(), e.to_string())))
}

/// The type of the object that has this shape.
fn type_of(shape: Option<&'static Shape>) -> Option<&'static Type> {
    shape.and_then(Shape::object)
}

/// The shape of a field.
fn child(shape: Option<&'static Shape>, key: &str) -> Option<&'static Shape> {
    match shape {
        Some(Shape::Map(inner)) => Some(inner),
        shape => type_of(shape)?.field(key).map(|field| &field.shape),
    }
}

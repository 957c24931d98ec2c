//! Lists in a strategic merge patch: merged by a key, merged as sets, or replaced; and the order of the result.

use super::{PATCH, Refused, child, merge_object, new, set, type_of};
use crate::edit::{Editor, Pointer};
use crate::pod::merge_keys::{ListMerge, list_merge};
use crate::pod::schema::Shape;
use serde_json::Value;

/// An element of the result: an existing one, by its index, or a new one.
enum Slot {
    Old(usize),
    New(Value),
}

/// Merges a patch's list into the list at `at`, a field of an object of the given shape.
pub(super) fn merge(
    editor: &mut Editor,
    at: &Pointer,
    parent: Option<&'static Shape>,
    field: &str,
    patch: &[Value],
    order: Option<&[Value]>,
    depth: usize,
) -> Result<(), Refused> {
    let how = type_of(parent).map_or(ListMerge::Replace, |parent| list_merge(parent, field));
    let inner = match child(parent, field) {
        Some(Shape::List(inner)) => Some(inner.as_ref()),
        _ => None,
    };
    if !editor.get(at).is_some_and(Value::is_array) {
        set(editor, at, Value::Array(Vec::new()))?;
    }
    match how {
        ListMerge::Replace => set(editor, at, new::value(&Value::Array(patch.to_vec())).unwrap_or_default()),
        ListMerge::Union => {
            let (old, added) = union(items(editor, at), patch);
            arrange(editor, at, old, added, order.unwrap_or(patch), |item| Some(item))
        }
        ListMerge::ByKey(key) => by_key(editor, at, inner, key, patch, order, depth),
    }
}

/// Removes the scalars of `$deleteFromPrimitiveList` from the list at `at`.
pub(super) fn delete(editor: &mut Editor, at: &Pointer, gone: &Value) -> Result<(), Refused> {
    let Value::Array(gone) = gone else {
        return Err(Box::new((at.clone(), "$deleteFromPrimitiveList must be a list".to_string())));
    };
    remove_where(editor, at, |item| gone.contains(item))
}

fn by_key(
    editor: &mut Editor,
    at: &Pointer,
    inner: Option<&'static Shape>,
    key: &'static str,
    patch: &[Value],
    order: Option<&[Value]>,
    depth: usize,
) -> Result<(), Refused> {
    let keyless = |item: &Value| match item {
        Value::Object(_) => format!("an element has no `{key}`, by which this list is merged: {item}"),
        _ => format!("the elements of this list are objects, merged by `{key}`; {item} is not an object"),
    };
    let (directives, patch): (Vec<&Value>, Vec<&Value>) = patch.iter().partition(|item| new::is_directive(item));
    let word = |item: &Value| item.get(PATCH).and_then(Value::as_str).unwrap_or_default().to_string();
    if let Some(bad) = directives.iter().find(|item| !matches!(word(item).as_str(), "replace" | "delete")) {
        return Err(Box::new((at.clone(), format!("$patch must be replace or delete in a list, not {}", bad[PATCH]))));
    }
    if directives.iter().any(|item| word(item) == "replace") {
        let items = patch.iter().filter_map(|item| new::value(item)).collect();
        return set(editor, at, Value::Array(items));
    }
    if let Some(bad) = patch.iter().chain(&directives).copied().chain(items(editor, at)).find(|i| i.get(key).is_none())
    {
        return Err(Box::new((at.clone(), keyless(bad))));
    }
    if let Some(order) = order {
        follows(at, key, &patch, order)?;
    }
    for gone in directives {
        remove_where(editor, at, |item| item[key] == gone[key])?;
    }
    let mut added: Vec<Value> = Vec::new();
    for item in &patch {
        let Value::Object(map) = item else { continue };
        if let Some(place) = items(editor, at).iter().position(|old| old[key] == item[key]) {
            merge_object(editor, &at.child(place), inner, map, depth + 1)?;
        } else if let Some(twin) = added.iter_mut().find(|new| new[key] == item[key]) {
            let mut aside = Editor::new(std::mem::take(twin));
            merge_object(&mut aside, &Pointer::root(), inner, map, depth + 1)?;
            *twin = aside.into_parts().0;
        } else {
            added.push(new::object(map));
        }
    }
    let patch: Vec<Value> = match order {
        Some(order) => order.to_vec(),
        None => patch
            .iter()
            .map(|item| Value::Object([(key.to_string(), item[key].clone())].into_iter().collect()))
            .collect(),
    };
    let old = (0..items(editor, at).len()).collect();
    arrange(editor, at, old, added, &patch, |item| item.get(key))
}

/// Checks that the patch's elements are in its `$setElementOrder`, in that order.
fn follows(at: &Pointer, key: &str, patch: &[&Value], order: &[Value]) -> Result<(), Refused> {
    let mut rest = order.iter();
    match patch.iter().find(|item| !rest.any(|listed| listed.get(key) == item.get(key))) {
        Some(stray) => Err(Box::new((
            at.clone(),
            format!("$setElementOrder doesn't have {} in the order of the patch's own list", stray[key]),
        ))),
        None => Ok(()),
    }
}

/// The indexes of the scalars that stay (each once), and the new scalars.
fn union(old: &[Value], patch: &[Value]) -> (Vec<usize>, Vec<Value>) {
    let stay = (0..old.len()).filter(|&n| !old[..n].contains(&old[n])).collect();
    let mut added: Vec<Value> = Vec::new();
    for item in patch {
        if !old.contains(item) && !added.contains(item) {
            added.push(item.clone());
        }
    }
    (stay, added)
}

/// Puts the elements in order: those that the patch (or its `$setElementOrder`) names in its order, the others in their old
/// order. The two are interleaved so that an element that isn't named comes directly before the first named one that it
/// preceded. Changes the list as little as possible.
fn arrange(
    editor: &mut Editor,
    at: &Pointer,
    old: Vec<usize>,
    added: Vec<Value>,
    order: &[Value],
    key_of: impl Fn(&Value) -> Option<&Value>,
) -> Result<(), Refused> {
    let current = items(editor, at);
    let rank = |item: &Value| order.iter().position(|listed| key_of(listed) == key_of(item));
    // An element's index before the merge: that of the first with its key.
    let was = |slot: &Slot| match slot {
        Slot::Old(n) => current.iter().position(|item| key_of(item) == key_of(&current[*n])),
        Slot::New(_) => None,
    };
    let mut named: Vec<(usize, Slot)> = Vec::new();
    let mut others: Vec<Slot> = Vec::new();
    for slot in old.iter().map(|&n| Slot::Old(n)).chain(added.into_iter().map(Slot::New)) {
        let ranked = match &slot {
            Slot::Old(n) => rank(&current[*n]),
            Slot::New(item) => rank(item),
        };
        match ranked {
            Some(rank) => named.push((rank, slot)),
            None => others.push(slot),
        }
    }
    named.sort_by_key(|(rank, _)| *rank);
    let mut result: Vec<Slot> = Vec::new();
    let mut others = others.into_iter().peekable();
    for (_, slot) in named {
        while let Some(other) = others.next_if(|other| matches!((was(other), was(&slot)), (Some(o), Some(s)) if o < s))
        {
            result.push(other);
        }
        result.push(slot);
    }
    result.extend(others);
    let kept: Vec<usize> = result.iter().filter_map(|s| if let Slot::Old(n) = s { Some(*n) } else { None }).collect();
    if kept.iter().copied().eq(0..current.len()) {
        for (place, slot) in result.into_iter().enumerate() {
            if let Slot::New(item) = slot {
                editor.insert(at, place, item).map_err(|e| Box::new((at.clone(), e.to_string())))?;
            }
        }
        return Ok(());
    }
    let moved = result.into_iter().map(|slot| match slot {
        Slot::Old(n) => current[n].clone(),
        Slot::New(item) => item,
    });
    let moved = Value::Array(moved.collect());
    set(editor, at, moved)
}

fn items<'e>(editor: &'e Editor, at: &Pointer) -> &'e [Value] {
    match editor.get(at) {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}

fn remove_where(editor: &mut Editor, at: &Pointer, gone: impl Fn(&Value) -> bool) -> Result<(), Refused> {
    while let Some(place) = items(editor, at).iter().position(&gone) {
        editor.remove(&at.child(place)).map_err(|e| Box::new((at.clone(), e.to_string())))?;
    }
    Ok(())
}

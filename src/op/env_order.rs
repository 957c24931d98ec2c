//! The order of environment variables that refer to one another.
//!
//! Kubernetes [expands](https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/)
//! `$(NAME)` from variables further up in the list; `$$(NAME)` stands for the text `$(NAME)`.

use crate::edit::{EditError, Editor, Pointer};
use serde_json::Value;

/// The names that a value refers to.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find('$')?;
            rest = &rest[at + 1..];
            if let Some(inside) = rest.strip_prefix('(') {
                if let Some(end) = inside.find(')') {
                    rest = &inside[end + 1..];
                    return Some(&inside[..end]);
                }
            } else if let Some(after) = rest.strip_prefix('$') {
                rest = after;
            }
        }
    })
}

/// Whether a value refers to any variable.
pub fn refers(text: &str) -> bool {
    references(text).next().is_some()
}

/// Whether the value of a variable contains a `$`.
pub fn may_refer(item: &Value) -> bool {
    let value = item.as_object().and_then(|map| map.iter().find(|(key, _)| *key == "value"));
    matches!(value, Some((_, Value::String(text))) if memchr::memchr(b'$', text.as_bytes()).is_some())
}

/// The index of a variable in a list; if it isn't in the list, whether a value there refers to it. `refers` is false if no
/// value contains a reference.
pub fn look(list: &[Value], name: &str, refers: bool) -> (Option<usize>, bool) {
    let mut awaited = false;
    // `$(NAME)`: most values are too short for it.
    let least = name.len() + 3;
    // Different names usually differ in length or in the last character: PATH, PYTHONPATH, NODE_1, NODE_2.
    let end = name.as_bytes().last();
    let is_name = |own: &str| own.len() == name.len() && own.as_bytes().last() == end && own == name;
    for (index, item) in list.iter().enumerate() {
        let Value::Object(map) = item else { continue };
        let mut fields = map.iter();
        // Usually the name comes first, then the value; looking there costs no hashing.
        let (own, value) = match (fields.next(), fields.next()) {
            (Some((first, own)), second) if first == "name" => (Some(own), second.map(|(_, value)| value)),
            _ => (map.get("name"), map.get("value")),
        };
        if matches!(own, Some(Value::String(own)) if is_name(own)) {
            return (Some(index), false);
        }
        if let Some(Value::String(text)) = value
            && refers
            && text.len() >= least
            && !awaited
            && memchr::memchr(b'$', text.as_bytes()).is_some()
        {
            awaited = references(text).any(|reference| reference == name);
        }
    }
    (None, awaited)
}

/// The order in which each variable of `set` comes after those that it refers to, and each of the others after those it
/// refers to that came before it already or are `new`; nothing if the list is in such an order.
///
/// # Errors
/// Variables refer to each other in a circle; the text says which.
pub fn order(list: &[Value], set: &[&str], new: &[&str]) -> Result<Option<Vec<usize>>, String> {
    let text = |index: usize, key: &str| list[index].get(key).and_then(Value::as_str).unwrap_or_default();
    let names: Vec<&str> = (0..list.len()).map(|index| text(index, "name")).collect();
    let needs: Vec<Vec<usize>> = (0..list.len())
        .map(|index| {
            let mut needs = Vec::new();
            // Of two with the same name the later one counts, so they must not be swapped.
            needs.extend(names[..index].iter().rposition(|name| *name == names[index]));
            for reference in references(text(index, "value")) {
                let mine = set.contains(&names[index]);
                let before = names[..index].iter().enumerate().filter(|(_, name)| **name == reference);
                let known = needs.len();
                needs.extend(before.map(|(place, _)| place));
                if needs.len() == known && (mine || new.contains(&reference)) {
                    needs.extend(names.iter().position(|name| *name == reference));
                }
            }
            needs
        })
        .collect();
    if needs.iter().enumerate().all(|(index, needs)| needs.iter().all(|need| *need < index)) {
        return Ok(None);
    }
    let mut placed = vec![false; list.len()];
    let mut wanted = Vec::with_capacity(list.len());
    while wanted.len() < list.len() {
        let next = (0..list.len()).find(|index| !placed[*index] && needs[*index].iter().all(|need| placed[*need]));
        let Some(next) = next else { return Err(circle(&names, &needs, &placed)) };
        placed[next] = true;
        wanted.push(next);
    }
    Ok(Some(wanted))
}

/// Describes one circle among the variables that can't be placed.
fn circle(names: &[&str], needs: &[Vec<usize>], placed: &[bool]) -> String {
    let mut path: Vec<usize> = Vec::new();
    let mut here = placed.iter().position(|placed| !placed).unwrap_or_default();
    // Each of them needs another of them, so the path returns to a variable that is in it already.
    while !path.contains(&here) {
        path.push(here);
        here = needs[here].iter().copied().find(|need| !placed[*need]).unwrap_or(here);
    }
    let start = path.iter().position(|index| *index == here).unwrap_or_default();
    match &path[start..] {
        [only] => format!("`{name}` refers to itself with `$({name})`", name = names[*only]),
        [first, rest @ ..] => {
            let others = rest.iter().map(|index| format!(", which refers to `{}`", names[*index])).collect::<String>();
            format!("`{}`{others}, which refers to `{}` again", names[*first], names[*first])
        }
        [] => String::new(),
    }
}

/// Brings a list into the wanted order; each variable that has to go further down is moved once.
///
/// # Errors
/// The Pod becomes too large for another edit.
pub fn apply(pod: &mut Editor, at: &Pointer, wanted: &[usize]) -> Result<(), EditError> {
    let mut now: Vec<usize> = (0..wanted.len()).collect();
    for (place, item) in wanted.iter().enumerate().rev() {
        let Some(from) = now.iter().position(|other| other == item).filter(|from| *from != place) else { continue };
        let Some(value) = pod.get(&at.child(from)).cloned() else { continue };
        pod.remove(&at.child(from))?;
        pod.insert(at, place, value)?;
        let moved = now.remove(from);
        now.insert(place, moved);
    }
    Ok(())
}

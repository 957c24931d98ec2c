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

/// Whether the value of a variable holds a `$`.
pub fn may_refer(item: &Value) -> bool {
    let value = item.as_object().and_then(|map| map.iter().find(|(key, _)| *key == "value"));
    matches!(value, Some((_, Value::String(text))) if memchr::memchr(b'$', text.as_bytes()).is_some())
}

/// Where a variable stands in a list and, if it doesn't, whether one there refers to it; `refers` says whether any may.
pub fn look(list: &[Value], name: &str, refers: bool) -> (Option<usize>, bool) {
    let mut awaited = false;
    // `$(NAME)`: most values are too short for it.
    let least = name.len() + 3;
    // Names that differ mostly differ in length or at the end: PATH, PYTHONPATH, NODE_1, NODE_2.
    let end = name.as_bytes().last();
    let is_name = |own: &str| own.len() == name.len() && own.as_bytes().last() == end && own == name;
    for (index, item) in list.iter().enumerate() {
        let Value::Object(map) = item else { continue };
        let mut fields = map.iter();
        // As they mostly stand: the name, then the value. Looking there costs no hash.
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

/// The order in which every variable of `set` stands behind those that it refers to, and every other still behind those
/// that it stood behind, or that are `new`; nothing if the list is in such an order. An error says which refer to one
/// another in a circle.
pub fn order(list: &[Value], set: &[&str], new: &[&str]) -> Result<Option<Vec<usize>>, String> {
    let text = |index: usize, key: &str| list[index].get(key).and_then(Value::as_str).unwrap_or_default();
    let names: Vec<&str> = (0..list.len()).map(|index| text(index, "name")).collect();
    let needs: Vec<Vec<usize>> = (0..list.len())
        .map(|index| {
            let mut needs = Vec::new();
            // Of two with one name the later counts, so they may not change places.
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

/// The words for one circle among the variables that can't be placed.
fn circle(names: &[&str], needs: &[Vec<usize>], placed: &[bool]) -> String {
    let mut path: Vec<usize> = Vec::new();
    let mut here = placed.iter().position(|placed| !placed).unwrap_or_default();
    // Each of them needs another of them, so the way comes back to itself.
    while !path.contains(&here) {
        path.push(here);
        here = needs[here].iter().copied().find(|need| !placed[*need]).unwrap_or(here);
    }
    let start = path.iter().position(|index| *index == here).unwrap_or_default();
    match &path[start..] {
        [only] => format!("`{name}` refers to itself with `$({name})`", name = names[*only]),
        [first, rest @ ..] => {
            let others = rest.iter().map(|index| format!(", which refers to `{}`", names[*index])).collect::<String>();
            format!("`{}`{others}, which refers to `{}`: a circle", names[*first], names[*first])
        }
        [] => String::new(),
    }
}

/// Brings a list into an order: each variable that has to go further down moves once.
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

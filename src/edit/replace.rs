//! Replaces a value by a new version and records only the differences, such as the fields that a hook changed.

use super::{EditError, Editor, Pointer};
use serde_json::{Map, Value};

/// Turns the value at `at` into `new`, recording only what differs. Keys keep their order, new ones follow them. Recurses as
/// deep as both values nest.
///
/// # Errors
/// If an edit exceeds a limit.
pub fn apply(editor: &mut Editor, at: &Pointer, new: Value) -> Result<(), EditError> {
    turn(editor, &mut at.clone(), new)
}

fn turn(editor: &mut Editor, at: &mut Pointer, new: Value) -> Result<(), EditError> {
    match (editor.get(at), new) {
        (Some(Value::Object(_)), Value::Object(new)) => object(editor, at, new),
        (Some(Value::Array(_)), Value::Array(new)) => list(editor, at, new),
        (_, new) => editor.set(at, new),
    }
}

fn object(editor: &mut Editor, at: &mut Pointer, new: Map<String, Value>) -> Result<(), EditError> {
    let gone = |old: &Map<String, Value>| old.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
    let gone: Vec<String> = editor.get(at).and_then(Value::as_object).map(gone).unwrap_or_default();
    for key in gone {
        editor.remove(&at.child(key.as_str()))?;
    }
    for (key, value) in new {
        at.push(key.as_str());
        let done = turn(editor, at, value);
        at.pop();
        done?;
    }
    Ok(())
}

/// Equal elements at the start and at the end stay. Between them, elements turn into one another in pairs, and the rest is
/// removed or added.
fn list(editor: &mut Editor, at: &mut Pointer, mut new: Vec<Value>) -> Result<(), EditError> {
    let old: &[Value] = editor.get(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (removed, added) = (old.len() - start - end, new.len() - start - end);
    let middle = new.drain(start..start + added);
    for (offset, value) in middle.enumerate() {
        if offset < removed {
            at.push(start + offset);
            let done = turn(editor, at, value);
            at.pop();
            done?;
        } else {
            editor.insert(at, start + offset, value)?;
        }
    }
    for index in (start + added..start + removed).rev() {
        editor.remove(&at.child(index))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn changes(old: Value, new: Value) -> usize {
        let mut editor = Editor::new(old.clone());
        apply(&mut editor, &Pointer::root(), new.clone()).unwrap();
        assert_eq!(*editor.root(), new);
        let changes = editor.log().len();
        editor.rollback(0);
        assert_eq!(*editor.root(), old);
        changes
    }

    #[test]
    fn only_differences_are_recorded() {
        let pod =
            json!({"spec": {"containers": [{"name": "a", "env": [{"name": "A"}, {"name": "B"}, {"name": "C"}]}]}});
        assert_eq!(changes(pod.clone(), pod.clone()), 0);
        let mut less = pod.clone();
        less["spec"]["containers"][0]["env"].as_array_mut().unwrap().remove(1);
        assert_eq!(changes(pod.clone(), less), 1);
        let mut more = pod.clone();
        more["spec"]["containers"][0]["env"].as_array_mut().unwrap().insert(1, json!({"name": "X"}));
        more["spec"]["nodeSelector"] = json!({"pool": "gpu"});
        assert_eq!(changes(pod.clone(), more), 2);
        let mut other = pod.clone();
        other["spec"]["containers"][0]["env"][1]["name"] = json!("Y");
        assert_eq!(changes(pod.clone(), other), 1);
        assert_eq!(changes(pod, json!([])), 1);
        assert_eq!(changes(json!([1, 2, 3, 4]), json!([1, 9])), 3);
        assert_eq!(changes(json!([]), json!([1, 2])), 2);
    }
}

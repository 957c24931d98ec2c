//! Fields as the API server names them, `spec.containers[0].image` or `.spec.containers[name="task"].image`, → pointers.

use podrules::edit::{Pointer, Step};
use serde_json::Value;

/// The field that a text names in an object; its nearest parent if the object or the text doesn't go further.
pub(super) fn resolve(object: &Value, text: &str) -> Pointer {
    let mut at = Pointer::root();
    let (mut here, mut rest) = (Some(object), text);
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => {
                let Some(end) = closing(inside) else { break };
                let Some(step) = bracket(here, &inside[..end]) else { break };
                (step, &inside[end + 1..])
            }
            None => {
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                let end = key_end(here, rest);
                if end == 0 {
                    break;
                }
                (Step::from(&rest[..end]), &rest[end..])
            }
        };
        here = here.and_then(|here| Pointer::root().child(step.clone()).get(here));
        at.push(step);
        rest = after;
    }
    at
}

/// The index of the closing bracket, outside of quotes.
fn closing(inside: &str) -> Option<usize> {
    let mut quoted = false;
    inside.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b']' && !quoted
    })
}

/// The step that brackets name: an index, an element by its merge keys, or a key.
fn bracket(here: Option<&Value>, inside: &str) -> Option<Step> {
    let Some(Value::Array(items)) = here else {
        return Some(Step::from(inside.trim_matches('"')));
    };
    if let Ok(index) = inside.parse::<usize>() {
        return Some(Step::Index(index));
    }
    let wanted: Vec<(&str, &str)> = inside.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let is = |item: &Value, (key, value): &(&str, &str)| match item.get(key) {
        Some(Value::String(text)) => value.trim_matches('"') == text,
        // A missing key has its default value, such as the protocol of a port.
        Some(other) => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *other),
        None => true,
    };
    // Of two elements with the same keys the last one is the duplicate.
    let place = items.iter().rposition(|item| !wanted.is_empty() && wanted.iter().all(|pair| is(item, pair)))?;
    Some(Step::Index(place))
}

/// The length of the next key. Keys of labels contain dots, so a key that the object has comes first.
fn key_end(here: Option<&Value>, rest: &str) -> usize {
    let known = here.and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
    let fits = |key: &&String| {
        rest.strip_prefix(key.as_str()).is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
    };
    match known.filter(fits).map(String::len).max() {
        Some(length) => length,
        None => rest.find(['.', '[']).unwrap_or(rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use serde_json::json;

    #[test]
    fn fields_in_all_forms_are_resolved() {
        let pod = json!({
            "metadata": {"labels": {"podrules.io/task-id": "a"}},
            "spec": {
                "nodeSelector": {"a.b/c": "d"},
                "containers": [
                    {"name": "x", "image": "i"},
                    {"name": "y", "ports": [{"containerPort": 80}], "resources": {"limits": {"nvidia.com/gpu": 1}}},
                ],
            },
        });
        let same = [
            ("spec.containers[1].image", "$.spec.containers[1].image"),
            (".spec.containers[name=\"x\"].image", "$.spec.containers[0].image"),
            (
                ".spec.containers[name=\"y\"].ports[containerPort=80,protocol=\"TCP\"].name",
                "$.spec.containers[1].ports[0].name",
            ),
            (
                "spec.containers[1].resources.limits[nvidia.com/gpu]",
                "$.spec.containers[1].resources.limits['nvidia.com/gpu']",
            ),
            (".metadata.labels.podrules.io/task-id", "$.metadata.labels['podrules.io/task-id']"),
            ("spec.nodeSelector.a.b/c", "$.spec.nodeSelector['a.b/c']"),
            ("spec.serviceAccountName", "$.spec.serviceAccountName"),
            ("spec.containers[name=\"z\"].image", "$.spec.containers"),
            ("spec.containers[", "$.spec.containers"),
            ("", "$"),
        ];
        for (text, expected) in same {
            assert_eq!(resolve(&pod, text).to_string(), expected, "{text}");
        }
    }
}

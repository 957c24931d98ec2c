//! Where in a Pod a field belongs that stands in the wrong place.

use super::{Shape, Type, pod};
use std::collections::VecDeque;

/// The places of a Pod where a field of this name is known, nearest to the root first, each as a JSONPath with `[*]` for
/// any element. Looks first below `from`, which is the object that the field was found in and its place, then everywhere;
/// `status`, which nobody writes, and ephemeral containers, which a new Pod can't have, are left out.
pub fn places(field: &str, from: (&'static Type, &str)) -> Vec<String> {
    let below = search(field, from.0, from.1);
    if below.is_empty() { search(field, pod(), "$") } else { below }
}

/// Deep enough for anything in a Pod's spec, and few enough to read.
const DEEPEST: usize = 5;

fn search(field: &str, start: &'static Type, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = vec![start.name];
    let mut queue = VecDeque::from([(start, at.to_string(), 0)]);
    while let Some((here, path, depth)) = queue.pop_front() {
        for known in &here.fields {
            if matches!(known.name, "status" | "ephemeralContainers" | "managedFields") {
                continue;
            }
            if known.name == field {
                found.push(format!("{path}.{field}"));
            }
            let (suffix, shape) = match &known.shape {
                Shape::List(inner) => ("[*]", inner.as_ref()),
                shape => ("", shape),
            };
            if let Some(next) = shape.object()
                && depth < DEEPEST
                && !seen.contains(&next.name)
            {
                seen.push(next.name);
                queue.push_back((next, format!("{path}.{}{suffix}", known.name), depth + 1));
            }
        }
    }
    found
}

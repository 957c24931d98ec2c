//! Where in a Pod a misplaced field belongs.

use super::{Shape, Type, pod};
use std::collections::VecDeque;

/// The places of a Pod that have a field of this name, nearest to the root first, each as a JSONPath with `[*]` for any
/// element. Searches below `from`, the type and place of the object that the field was found in, and if it finds nothing,
/// everywhere. Leaves out `status`, which users don't write, and ephemeral containers, which a new Pod can't have.
pub fn places(field: &str, from: (&'static Type, &str)) -> Vec<String> {
    let below = search(field, from.0, from.1);
    if below.is_empty() { search(field, pod(), "$") } else { below }
}

/// The deepest level that is searched: deep enough for anything in a Pod's spec, few enough results to read.
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

//! Merges values as Helm does.

use crate::source::{Kind, Node, Text};
use std::collections::HashMap;

/// Merges several values files, as `helm install -f a.yaml -f b.yaml` does: mappings merge deeply; anything else in a later
/// file replaces the earlier value, lists too. Each value keeps its place, so the file that it came from stays known.
///
/// Helm joins the files first and the chart's defaults after (`mergeMaps` in its `pkg/cli/values`, then
/// `CoalesceValues`). An explicit null in a later file therefore replaces the earlier value, and removes the chart's
/// default too; only a key in a still later file restores the defaults. So nulls stay in this result, and [`overlay`]
/// removes them.
pub fn merge(values: Vec<Node>) -> Node {
    let mut values = values.into_iter();
    let Some(first) = values.next() else {
        return Node::empty_map(crate::diagnostic::FileId(0));
    };
    values.fold(first, |below, above| join(below, above, false))
}

/// Merges values over defaults: as [`merge`], but a null removes the key of the defaults, as Helm's coalescing does.
pub fn overlay(defaults: Node, values: Node) -> Node {
    join(defaults, values, true)
}

fn join(below: Node, above: Node, null_removes: bool) -> Node {
    match (below.kind, above.kind) {
        (Kind::Map(entries), Kind::Map(more)) => {
            Node { span: above.span, kind: Kind::Map(join_maps(entries, more, null_removes)) }
        }
        (_, kind) => Node { span: above.span, kind },
    }
}

fn join_maps(below: Vec<(Text, Node)>, above: Vec<(Text, Node)>, null_removes: bool) -> Vec<(Text, Node)> {
    // A removed entry leaves a gap until the end, so that the indexes stay valid.
    let mut entries: Vec<Option<(Text, Node)>> = below.into_iter().map(Some).collect();
    let names = entries.iter().enumerate().filter_map(|(place, entry)| Some((entry.as_ref()?.0.value.clone(), place)));
    let places: HashMap<String, usize> = names.collect();
    for (key, value) in above {
        let Some(slot) = places.get(&key.value).and_then(|place| entries.get_mut(*place)) else {
            entries.push(Some((key, value)));
            continue;
        };
        // The key is replaced too: its value is from there now, and a trace must point to that line.
        *slot = match slot.take() {
            _ if null_removes && value.is_null() => None,
            Some((_, had)) if matches!((&had.kind, &value.kind), (Kind::Map(_), Kind::Map(_))) => {
                Some((key, join(had, value, null_removes)))
            }
            _ => Some((key, value)),
        };
    }
    entries.into_iter().flatten().collect()
}

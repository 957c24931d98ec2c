//! Putting values on top of one another as Helm does.

use crate::source::{Kind, Node, Text};

/// Several values files as one, as `helm install -f a.yaml -f b.yaml` sees them: mappings merge deeply, anything else
/// that a later file says replaces what an earlier one said, lists too. Each value keeps its place, so that it can
/// still be told which file it came from.
///
/// Helm joins the files first and the chart's defaults after (`mergeMaps` in its `pkg/cli/values`, then
/// `CoalesceValues`). An explicit null of a later file therefore stands in for what the earlier files said, and takes
/// the chart's default away too; only a key still later brings the defaults back. So nulls stay in the result here, and
/// [`overlay`] takes them out.
pub fn merge(values: Vec<Node>) -> Node {
    let mut values = values.into_iter();
    let Some(first) = values.next() else {
        return Node::empty_map(crate::diagnostic::FileId(0));
    };
    values.fold(first, |below, above| join(below, above, false))
}

/// Values on top of defaults: as [`merge`], and a null takes the key of the defaults away, as Helm's coalescing does.
pub fn overlay(defaults: Node, values: Node) -> Node {
    join(defaults, values, true)
}

fn join(below: Node, above: Node, null_removes: bool) -> Node {
    match (below.kind, above.kind) {
        (Kind::Map(mut entries), Kind::Map(more)) => {
            for (key, value) in more {
                put(&mut entries, key, value, null_removes);
            }
            Node { span: above.span, kind: Kind::Map(entries) }
        }
        (_, kind) => Node { span: above.span, kind },
    }
}

fn put(entries: &mut Vec<(Text, Node)>, key: Text, value: Node, null_removes: bool) {
    let Some(place) = entries.iter().position(|(k, _)| k.value == key.value) else {
        entries.push((key, value));
        return;
    };
    if null_removes && value.is_null() {
        entries.remove(place);
        return;
    }
    let (had_key, had) = &mut entries[place];
    let span = had.span;
    let had_map = matches!(had.kind, Kind::Map(_));
    if had_map && matches!(value.kind, Kind::Map(_)) {
        let below = std::mem::replace(had, Node { span, kind: Kind::Null });
        *had = join(below, value, null_removes);
    } else {
        *had = value;
    }
    // What the key holds now was said there; a trace must point to that line.
    *had_key = key;
}

//! Checks the Pod's names, labels and annotations.

use super::values::{label_field, labels, not_a_key, not_a_subdomain, subdomain_field};
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;

/// The most bytes of the keys and values of all annotations together.
const ANNOTATIONS: usize = 256 * 1024;

/// Finalizers that are valid without a domain.
const FINALIZERS: &[&str] = &["orphan", "foregroundDeletion", "kubernetes"];

pub(super) fn check(pod: &Node, out: &mut Findings) {
    for (key, wanted) in [("apiVersion", "v1"), ("kind", "Pod")] {
        if let Some(found) = pod.text_of(key).filter(|found| *found != wanted) {
            out.error(
                Code::BadFieldValue,
                pod.place(key),
                format!("this is not a Pod: {key} is {found:?}, not {wanted:?}"),
            );
        }
    }
    let Some(metadata) = pod.field("metadata") else {
        out.error(Code::MissingField, pod.place("metadata").child("name"), "a Pod needs a name");
        return;
    };
    let named = |key| metadata.field(key).is_some_and(|name| name.text() != Some(""));
    if !named("name") && !named("generateName") {
        out.error(Code::MissingField, metadata.place("name"), "a Pod needs a name");
    }
    subdomain_field(&metadata, "name", out);
    if let Some(prefix) = metadata.text_of("generateName")
        && !is_prefix(prefix)
    {
        out.error(Code::BadName, metadata.place("generateName"), not_a_subdomain(prefix));
    }
    label_field(&metadata, "namespace", out);
    if let Some(map) = metadata.field("labels") {
        labels(&map, out);
    }
    if let Some(map) = metadata.field("annotations") {
        annotations(&map, out);
    }
    if let Some(list) = metadata.field("finalizers") {
        for item in list.items() {
            if let Some(name) = item.text()
                && !(names::is_label_key(name) && (name.contains('/') || FINALIZERS.contains(&name)))
            {
                out.error(
                    Code::BadName,
                    item.pointer(),
                    format!("{name:?} is not a valid finalizer name, such as example.com/name"),
                );
            }
        }
    }
    if let Some(list) = metadata.field("ownerReferences") {
        let controllers: Vec<Node> = list.items().filter(|owner| owner.says("controller")).collect();
        if let Some(second) = controllers.get(1) {
            out.error(Code::BadFieldValue, second.place("controller"), "only one owner can be the controller");
        }
    }
}

/// Whether a text is valid as the first part of a generated name, which may end in a hyphen.
pub(super) fn is_prefix(text: &str) -> bool {
    match text.strip_suffix('-') {
        Some(start) if !start.is_empty() => names::is_dns1123_subdomain(&format!("{start}a")),
        _ => names::is_dns1123_subdomain(text),
    }
}

fn annotations(map: &Node, out: &mut Findings) {
    let mut size = 0;
    for (key, value) in map.entries() {
        size += key.len() + value.text().map_or(0, str::len);
        // The case of the domain doesn't matter here, unlike in a label.
        if !names::is_label_key(&key.to_lowercase()) {
            out.error(Code::BadName, value.pointer(), not_a_key(key));
        }
    }
    if size > ANNOTATIONS {
        let message = format!("the annotations take {size} bytes; the API server accepts at most {ANNOTATIONS}");
        out.error(Code::BadFieldValue, map.pointer(), message);
    }
}

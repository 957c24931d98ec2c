//! The lines of a value's YAML, each with the place in the document that it shows.

use super::to_yaml;
use crate::diagnostic::{Diagnostics, Sources};
use crate::edit::{Pointer, Step};
use crate::source::{Kind, Node, Style, yaml};
use serde_json::Value;

/// Each line that [`to_yaml`] prints, with the deepest place whose key or list element starts on it: `$.spec.list[0].name`
/// for `- name: x`, `$.spec.list[0]` for `- x`. The other lines of a text printed as a block belong to its place. No
/// place is known if the value nests deeper than YAML is read.
pub fn lines(value: &Value) -> Vec<(String, Option<Pointer>)> {
    let text = to_yaml(value);
    let mut out: Vec<(String, Option<Pointer>)> = text.lines().map(|line| (line.to_owned(), None)).collect();
    let mut sources = Sources::new();
    let file = sources.add("", text);
    // Reading the text back is simpler than a printer of our own that records places.
    if let Some(root) = yaml::read(&sources, file, &mut Diagnostics::new()).first() {
        mark(root, 0, &mut Pointer::root(), &sources, &mut out);
    }
    let mut last = None;
    for (_, place) in &mut out {
        match place {
            Some(place) => last = Some(place.clone()),
            None => place.clone_from(&last),
        }
    }
    out
}

/// Writes the place of a node, then of those in it, to the lines where they start; the deepest is written last.
fn mark(node: &Node, line: usize, at: &mut Pointer, sources: &Sources, out: &mut [(String, Option<Pointer>)]) {
    if let Some((_, place)) = out.get_mut(line) {
        *place = Some(at.clone());
    }
    match &node.kind {
        Kind::Map(entries) => {
            for (key, child) in entries {
                at.push(Step::from(key.value.as_str()));
                mark(child, sources.position(key.span).line - 1, at, sources, out);
                at.pop();
            }
        }
        Kind::List(items) => {
            for (index, child) in items.iter().enumerate() {
                at.push(index);
                mark(child, element_line(child, sources, out), at, sources, out);
                at.pop();
            }
        }
        _ => {}
    }
}

/// The line of the dash of a list's element.
fn element_line(node: &Node, sources: &Sources, out: &[(String, Option<Pointer>)]) -> usize {
    let start = sources.position(node.span);
    let mut line = start.line - 1;
    // The parser starts a block's span at its content, after the header and empty lines.
    let is_block = node.as_text().is_some_and(|text| text.style == Style::Block);
    let indented = |(text, _): &(String, _)| text.chars().take(start.column - 1).all(|c| c == ' ');
    if is_block && out.get(line).is_some_and(indented) {
        line = line.saturating_sub(1);
        while line > 0 && out.get(line).is_some_and(|(text, _)| text.trim().is_empty()) {
            line -= 1;
        }
    }
    line
}

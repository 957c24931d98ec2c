//! Label selectors and node selector terms.

use super::values::{label_key, labels, not_a_label_value, not_a_subdomain};
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;

/// Checks a label selector, as in pod affinity and topology spread.
pub(super) fn label_selector(selector: &Node, out: &mut Findings) {
    if let Some(map) = selector.field("matchLabels") {
        labels(&map, out);
    }
    if let Some(list) = selector.field("matchExpressions") {
        list.items().for_each(|expression| requirement(&expression, &[], true, out));
    }
}

/// Checks a term of a node selector; `values` says whether the values must be valid label values.
pub(super) fn node_term(term: &Node, values: bool, out: &mut Findings) {
    if let Some(list) = term.field("matchExpressions") {
        list.items().for_each(|expression| requirement(&expression, &["Gt", "Lt"], values, out));
    }
    if let Some(list) = term.field("matchFields") {
        list.items().for_each(|expression| field_requirement(&expression, out));
    }
}

fn requirement(expression: &Node, more: &[&str], check_values: bool, out: &mut Findings) {
    let values = expression.field("values");
    let count = values.as_ref().map_or(0, |values| values.items().count());
    let problem = match expression.text_of("operator") {
        Some("In" | "NotIn") if count == 0 => Some("In and NotIn need values"),
        Some("Exists" | "DoesNotExist") if count > 0 => Some("Exists and DoesNotExist can't have values"),
        Some(operator) if more.contains(&operator) && count != 1 => Some("Gt and Lt need exactly one value"),
        Some(operator)
            if !["In", "NotIn", "Exists", "DoesNotExist"].contains(&operator) && !more.contains(&operator) =>
        {
            let words =
                ["In", "NotIn", "Exists", "DoesNotExist"].iter().chain(more).copied().collect::<Vec<_>>().join(", ");
            out.error(Code::BadFieldValue, expression.place("operator"), format!("`{operator}` is not one of {words}"));
            None
        }
        _ => None,
    };
    if let Some(problem) = problem {
        out.error(Code::BadFieldValue, expression.place("values"), problem);
    }
    if let Some(key) = expression.field("key")
        && let Some(text) = key.text().filter(|text| !text.is_empty())
    {
        label_key(&key, text, out);
    }
    for value in values.iter().filter(|_| check_values).flat_map(Node::items) {
        if let Some(text) = value.text().filter(|text| !names::is_label_value(text)) {
            out.error(Code::BadName, value.pointer(), not_a_label_value(text));
        }
    }
}

/// Checks a field selector; the only field is a node's name.
fn field_requirement(expression: &Node, out: &mut Findings) {
    if let Some(operator) = expression.text_of("operator") {
        let values = expression.field("values");
        if !matches!(operator, "In" | "NotIn") {
            out.error(
                Code::BadFieldValue,
                expression.place("operator"),
                format!("`{operator}` is not one of In, NotIn"),
            );
        } else if values.as_ref().map_or(0, |values| values.items().count()) != 1 {
            out.error(Code::BadFieldValue, expression.place("values"), "a field selector needs exactly one value");
        }
    }
    match expression.text_of("key") {
        Some("metadata.name") => {
            let values = expression.field("values");
            for value in values.iter().flat_map(Node::items) {
                if let Some(name) = value.text().filter(|name| !names::is_dns1123_subdomain(name)) {
                    out.error(Code::BadName, value.pointer(), not_a_subdomain(name));
                }
            }
        }
        Some(key) => out.error(
            Code::BadFieldValue,
            expression.place("key"),
            format!("`{key}` is not metadata.name, the only field that can be selected"),
        ),
        None => {}
    }
}

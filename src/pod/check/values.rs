//! Checks of single values, shared by many fields.

use super::{Findings, Node};
use crate::diagnostic::{Code, did_you_mean};
use crate::pod::names;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Checks that a field is one of some words; empty counts as absent, for which there is a default.
pub(super) fn one_of(node: &Node, key: &str, words: &[&str], out: &mut Findings) {
    if let Some(word) = node.text_of(key).filter(|word| !words.contains(word)) {
        out.error(Code::BadFieldValue, node.place(key), format!("`{word}` is not one of {}", words.join(", ")));
        if let Some(near) = did_you_mean(word, words.iter().copied()) {
            out.help(format!("did you mean `{near}`?"));
        }
    }
}

/// Checks that a field is a DNS-1123 label, unless it is empty.
pub(super) fn label_field(node: &Node, key: &str, out: &mut Findings) {
    if let Some(text) = node.text_of(key).filter(|text| !names::is_dns1123_label(text)) {
        out.error(
            Code::BadName,
            node.place(key),
            format!(
                "{text:?} is not a DNS-1123 label: up to 63 of a-z, 0-9 and -, with a letter or digit at both ends"
            ),
        );
    }
}

/// Checks that a field is a DNS-1123 subdomain, unless it is empty.
pub(super) fn subdomain_field(node: &Node, key: &str, out: &mut Findings) {
    if let Some(text) = node.text_of(key) {
        subdomain(node, key, text, out);
    }
}

/// Checks that a text is a DNS-1123 subdomain.
pub(super) fn subdomain(node: &Node, key: &str, text: &str, out: &mut Findings) {
    if !names::is_dns1123_subdomain(text) {
        out.error(Code::BadName, node.place(key), not_a_subdomain(text));
    }
}

pub(super) fn not_a_subdomain(text: &str) -> String {
    format!(
        "{text:?} is not a DNS-1123 subdomain: up to 253 of a-z, 0-9, - and ., with a letter or digit at the ends of each part"
    )
}

/// Checks that a text is a label key.
pub(super) fn label_key(node: &Node, text: &str, out: &mut Findings) {
    if !names::is_label_key(text) {
        out.error(Code::BadName, node.pointer(), not_a_key(text));
    }
}

pub(super) fn not_a_key(text: &str) -> String {
    format!(
        "{text:?} is not a valid key: up to 63 of A-Z, a-z, 0-9, -, _ and ., with a letter or digit at both ends, optionally with a domain and / before it"
    )
}

pub(super) fn not_a_label_value(text: &str) -> String {
    format!(
        "{text:?} is not a valid label value: up to 63 of A-Z, a-z, 0-9, -, _ and ., with a letter or digit at both ends"
    )
}

/// Checks the keys and values of labels.
pub(super) fn labels(node: &Node, out: &mut Findings) {
    for (key, value) in node.entries() {
        label_key(&value, key, out);
        if let Some(text) = value.text().filter(|text| !names::is_label_value(text)) {
            out.error(Code::BadName, value.pointer(), not_a_label_value(text));
        }
    }
}

/// Checks that a number is in a range.
pub(super) fn range(node: &Node, key: &str, least: i64, most: i64, out: &mut Findings) {
    if let Some(value) = node.number_of(key).filter(|value| !(least..=most).contains(value)) {
        out.error(
            Code::BadFieldValue,
            node.place(key),
            format!("{value} is out of range: it must be from {least} to {most}"),
        );
    }
}

/// Checks a file mode.
pub(super) fn mode(node: &Node, key: &str, out: &mut Findings) {
    if let Some(value) = node.number_of(key).filter(|value| !(0..=0o777).contains(value)) {
        out.error(
            Code::BadFieldValue,
            node.place(key),
            format!("{value} is not a file mode: it must be from 0 to 0777 (511 in decimal)"),
        );
    }
}

/// Checks that a path doesn't leave its folder: it isn't absolute and has no `..`.
pub(super) fn descending(node: &Node, key: &str, out: &mut Findings) {
    if let Some(path) = node.text_of(key) {
        if path.starts_with('/') {
            out.error(Code::BadFieldValue, node.place(key), format!("{path:?} must be a relative path"));
        }
        no_backsteps(node, key, out);
    }
}

/// Checks that a path has no `..` among its parts.
pub(super) fn no_backsteps(node: &Node, key: &str, out: &mut Findings) {
    if let Some(path) = node.text_of(key).filter(|path| path.split('/').any(|part| part == "..")) {
        out.error(Code::BadFieldValue, node.place(key), format!("{path:?} must not contain '..'"));
    }
}

/// Checks a path inside a volume that Kubernetes fills: as [`descending`], and it must not start with `..` at all, because
/// Kubernetes uses such names itself.
pub(super) fn projected_path(node: &Node, key: &str, out: &mut Findings) {
    descending(node, key, out);
    if let Some(path) =
        node.text_of(key).filter(|path| path.starts_with("..") && !path.split('/').any(|part| part == ".."))
    {
        out.error(Code::BadFieldValue, node.place(key), format!("{path:?} must not start with '..'"));
    }
}

/// Whether the API server takes a text for an IP address; it accepts leading zeros too.
pub(super) fn is_ip(text: &str) -> bool {
    let trimmed = |separator: char| {
        let parts = text.split(separator).map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            part => part,
        });
        parts.collect::<Vec<_>>().join(&separator.to_string())
    };
    text.parse::<Ipv4Addr>().is_ok()
        || text.parse::<Ipv6Addr>().is_ok()
        || trimmed('.').parse::<Ipv4Addr>().is_ok()
        || trimmed(':').parse::<Ipv6Addr>().is_ok()
}

/// Checks an IP address.
pub(super) fn ip(node: &Node, out: &mut Findings) {
    if let Some(text) = node.text().filter(|text| !is_ip(text)) {
        out.error(Code::BadFieldValue, node.pointer(), format!("{text:?} is not an IP address"));
    }
}

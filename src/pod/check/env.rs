//! Environment variables.

use super::metadata::is_prefix;
use super::values::{not_a_subdomain, subdomain};
use super::{Findings, Node, downward};
use crate::diagnostic::Code;
use crate::pod::names;
use std::collections::HashSet;

const SOURCES: &[&str] = &["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"];

pub(super) fn check(container: &Node, out: &mut Findings) {
    if let Some(list) = container.field("env") {
        let mut seen = HashSet::new();
        for variable in list.items() {
            if let Some(name) = variable.text_of("name") {
                variable_name(&variable, "name", name, out);
                if !seen.insert(name) {
                    out.warn(
                        Code::DuplicateName,
                        variable.place("name"),
                        format!("{name} is set twice, and the last one counts"),
                    );
                }
            }
            if let Some(from) = variable.field("valueFrom") {
                value_from(&variable, &from, out);
            }
        }
    }
    if let Some(list) = container.field("envFrom") {
        list.items().for_each(|source| env_from(&source, out));
    }
}

fn variable_name(at: &Node, key: &str, name: &str, out: &mut Findings) {
    if !names::is_env_name(name) {
        let message = format!("{name:?} can't name an environment variable: it must be printable ASCII without =");
        out.error(Code::BadName, at.place(key), message);
    }
}

fn value_from(variable: &Node, from: &Node, out: &mut Findings) {
    // A source behind a feature gate, which can't be checked here.
    if !from.value.is_object() || from.field("fileKeyRef").is_some() {
        return;
    }
    match SOURCES.iter().filter(|source| from.field(source).is_some()).count() {
        0 => out.error(Code::BadFieldValue, from.pointer(), format!("valueFrom needs one of {}", SOURCES.join(", "))),
        _ if variable.text_of("value").is_some() => {
            out.error(Code::BadFieldValue, from.pointer(), "a variable has either value or valueFrom, not both");
        }
        1 => {}
        _ => out.error(
            Code::BadFieldValue,
            from.pointer(),
            format!("valueFrom can have only one of {}", SOURCES.join(", ")),
        ),
    }
    if let Some(reference) = from.field("fieldRef") {
        downward::field(&reference, downward::Use::Env, out);
    }
    if let Some(reference) = from.field("resourceFieldRef") {
        downward::resource(&reference, out);
    }
    for source in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(reference) = from.field(source).filter(|reference| reference.value.is_object()) {
            match reference.value.get("name") {
                None | Some(serde_json::Value::Null) => {
                    out.error(Code::MissingField, reference.place("name"), format!("{source} needs `name`"));
                }
                Some(name) => {
                    if let Some(name) = name.as_str() {
                        subdomain(&reference, "name", name, out);
                    }
                }
            }
            if let Some(key) = reference.text_of("key").filter(|key| !names::is_config_key(key)) {
                let message = format!("{key:?} is not a key: up to 253 of A-Z, a-z, 0-9, -, _ and .");
                out.error(Code::BadName, reference.place("key"), message);
            }
        }
    }
}

fn env_from(source: &Node, out: &mut Findings) {
    if !source.value.is_object() {
        return;
    }
    if let Some(prefix) = source.text_of("prefix") {
        variable_name(source, "prefix", prefix, out);
    }
    let found: Vec<&str> =
        ["configMapRef", "secretRef"].into_iter().filter(|key| source.field(key).is_some()).collect();
    if found.len() != 1 {
        out.error(Code::BadFieldValue, source.pointer(), "envFrom needs either configMapRef or secretRef");
    }
    for key in found {
        let Some(reference) = source.field(key).filter(|reference| reference.value.is_object()) else { continue };
        match reference.text_of("name") {
            Some(name) if !is_prefix(name) => out.error(Code::BadName, reference.place("name"), not_a_subdomain(name)),
            None if reference.value.get("name").is_none_or(|name| name.is_null() || name == "") => {
                out.error(Code::MissingField, reference.place("name"), format!("{key} needs `name`"));
            }
            _ => {}
        }
    }
}

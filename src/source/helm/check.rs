//! Checks values before they are used: reports wrong types and misspelt keys, all at once.

use super::fields::{self, Takes};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Span, did_you_mean};
use crate::source::{Kind, Node};

/// The most unknown keys that are reported in one place: more means another kind of file, and suggestions take time.
const MOST_UNKNOWN: usize = 50;

/// Checks the merged values.
pub fn check(values: &Node, found: &mut Diagnostics) {
    for section in ["agentk8sglue", "imageCredentials", "clearml"] {
        takes(values, section, section, Takes::Map, found);
    }
    let Some(agent) = values.get("agentk8sglue") else { return };
    let path = |key: &str| format!("agentk8sglue.{key}");
    for (key, wanted) in [
        ("apiServerUrlReference", Takes::Text),
        ("webServerUrlReference", Takes::Text),
        ("fileServerUrlReference", Takes::Text),
        ("defaultContainerImage", Takes::Text),
        ("serviceExistingAccountName", Takes::Text),
        ("basePodTemplate", Takes::Map),
        ("queues", Takes::Map),
        ("extraEnvs", Takes::List),
        ("fileMounts", Takes::List),
    ] {
        takes(agent, key, &path(key), wanted, found);
    }
    if let Some(queue) = agent.get("queue")
        && !matches!(queue.kind, Kind::Null | Kind::String(_) | Kind::Number(_))
    {
        let wrong = wrong_type("agentk8sglue.queue", "one queue's name, or several separated by commas", queue);
        found.push(wrong.help("write `queue: first,second`, or give the queues as keys of `agentk8sglue.queues`"));
    }
    list_of_rules(agent, "agentk8sglue.rules", found);
    required(agent, "extraEnvs", &["name"], found);
    required(agent, "fileMounts", &["name", "folderPath", "fileContent"], found);
    if let Some(base) = agent.get("basePodTemplate") {
        template(base, "agentk8sglue.basePodTemplate", found);
    }
    for (name, queue) in agent.get("queues").map(Node::entries).unwrap_or_default() {
        let path = format!("agentk8sglue.queues.{}", name.value);
        if !matches!(queue.kind, Kind::Map(_) | Kind::Null) {
            found.push(wrong_type(&path, "a mapping", queue));
        }
        list_of_rules(queue, &format!("{path}.rules"), found);
        let path = format!("{path}.templateOverrides");
        takes(queue, "templateOverrides", &path, Takes::Map, found);
        if let Some(overrides) = queue.get("templateOverrides") {
            template(overrides, &path, found);
        }
    }
}

/// Checks a `basePodTemplate` or `templateOverrides`.
fn template(base: &Node, path: &str, found: &mut Diagnostics) {
    for (key, wanted) in fields::CHART {
        takes(base, key, &format!("{path}.{key}"), *wanted, found);
    }
    for key in ["containers", "imagePullSecrets", "ports"] {
        takes(base, key, &format!("{path}.{key}"), Takes::List, found);
    }
    let strangers = base.entries().iter().filter(|(key, _)| !fields::all().any(|name| name == key.value));
    for (key, _) in strangers.take(MOST_UNKNOWN) {
        found.push(unknown(&key.value, key.span, path));
    }
    if let Some((key, mounts)) = base.entry("fileMounts").filter(|(_, mounts)| !mounts.is_empty()) {
        let names: Vec<&str> = mounts.items().iter().filter_map(|m| m.get("name")?.as_str()).collect();
        let message =
            format!("`{path}.fileMounts` has no effect on Pods: the chart creates nothing that a Pod could mount");
        let help = format!(
            "put {} into a ConfigMap or Secret, and mount that with `volumes` and `volumeMounts`; \
             a rule's `companions` can create it",
            if names.is_empty() { "the files".to_owned() } else { names.join(", ") }
        );
        found.push(warning(Diagnostic::new(Code::Values, message).at(key.span).help(help)));
    }
}

fn unknown(key: &str, span: Span, path: &str) -> Diagnostic {
    let message = format!(
        "`{path}.{key}` is neither a key of the chart nor a field of a Pod's spec or a container; it is ignored"
    );
    let diagnostic = warning(Diagnostic::new(Code::UnknownKey, message).at(span));
    match (did_you_mean(key, fields::all()), key) {
        (Some(near), _) => diagnostic.help(format!("did you mean `{near}`?")),
        (None, "metadata") => diagnostic.help("write `labels` and `annotations` here directly, without `metadata`"),
        (None, "spec") => diagnostic.help("write the fields of the spec here directly, without `spec`"),
        (None, _) => diagnostic,
    }
}

fn warning(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = Severity::Warning;
    diagnostic
}

/// Reports the value of `key` if it is there and of another shape.
fn takes(map: &Node, key: &str, path: &str, wanted: Takes, found: &mut Diagnostics) {
    let Some(value) = map.get(key) else { return };
    match (wanted, &value.kind) {
        (_, Kind::Null) | (Takes::Map, Kind::Map(_)) | (Takes::Text, Kind::String(_)) => {}
        (Takes::List, Kind::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                if !matches!(item.kind, Kind::Map(_)) {
                    found.push(wrong_type(&format!("{path}[{index}]"), "a mapping", item));
                }
            }
        }
        (Takes::Map, _) => found.push(wrong_type(path, "a mapping", value)),
        (Takes::List, Kind::Map(_)) => {
            found.push(wrong_type(path, "a list", value).help("start each element with `- `"));
        }
        (Takes::List, _) => found.push(wrong_type(path, "a list", value)),
        (Takes::Text, _) => found.push(wrong_type(path, "a string", value).help("quote it if it is text")),
    }
}

/// Checks that `rules` is a list; the rules in it are checked when they are read.
fn list_of_rules(map: &Node, path: &str, found: &mut Diagnostics) {
    if let Some(rules) = map.get("rules")
        && !matches!(rules.kind, Kind::List(_) | Kind::Null)
    {
        found.push(wrong_type(path, "a list of rules", rules));
    }
}

/// Reports the elements of `agentk8sglue.<list>` that lack one of the texts they need.
fn required(agent: &Node, list: &str, keys: &[&str], found: &mut Diagnostics) {
    for (index, item) in agent.get(list).map(Node::items).unwrap_or_default().iter().enumerate() {
        if !matches!(item.kind, Kind::Map(_)) {
            continue;
        }
        for key in keys {
            let path = format!("agentk8sglue.{list}[{index}].{key}");
            match item.get(key) {
                None => found.push(Diagnostic::new(Code::MissingKey, format!("`{path}` is missing")).at(item.span)),
                Some(value) if value.as_text().is_none() => {
                    found.push(wrong_type(&path, "a string", value).help("quote it if it is text"));
                }
                Some(_) => {}
            }
        }
    }
}

fn wrong_type(path: &str, wanted: &str, value: &Node) -> Diagnostic {
    let message = format!("`{path}` must be {wanted}, not {}", value.kind_name());
    Diagnostic::new(Code::WrongType, message).at(value.span)
}

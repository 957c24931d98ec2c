//! The context file: what an agent would know about the queue and the environment, given by hand.
//!
//! ```yaml
//! queue: {id: 7f3c, name: train-large}
//! namespace: ml
//! worker: {id: "agent-1:0"}
//! providers: {ad-role: researcher}
//! config: {nfs: {server: {ip: 10.0.0.5, path: /export}}}   # or the name of a clearml.conf
//! ```

use super::{Kind, Node, Text, yaml};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, did_you_mean};
use serde_json::{Map, Value};

/// The contents of a context file. All of it is optional.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextFile {
    /// The queue's id.
    pub queue_id: Option<String>,
    /// The queue's name.
    pub queue_name: Option<String>,
    /// What the user's identity provider told ClearML: an object, empty by default.
    pub providers: Value,
    /// The task's configuration: an object, empty by default.
    pub config: Value,
    /// The clearml.conf with the configuration, if `config` names a file; relative to the context file.
    pub config_file: Option<Text>,
    /// The agent's worker id.
    pub worker_id: Option<String>,
    /// The namespace that the Pod is created in.
    pub namespace: Option<String>,
}

impl Default for ContextFile {
    fn default() -> Self {
        let empty = || Value::Object(Map::new());
        ContextFile {
            queue_id: None,
            queue_name: None,
            providers: empty(),
            config: empty(),
            config_file: None,
            worker_id: None,
            namespace: None,
        }
    }
}

const KEYS: &[&str] = &["queue", "namespace", "worker", "providers", "config"];

impl ContextFile {
    /// Reads a YAML or JSON file. All mistakes go to `found`; returns `None` if it isn't a mapping.
    pub fn read(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<ContextFile> {
        let before = found.errors();
        let mut documents = yaml::read(sources, file, found).into_iter();
        let (first, second) = (documents.next(), documents.next());
        if let Some(second) = second {
            found.push(Diagnostic::new(Code::Context, "a context file is one YAML document").at(second.span));
        }
        let Some(root) = first else {
            let failed = found.errors() > before;
            return (!failed).then(ContextFile::default);
        };
        if !matches!(root.kind, Kind::Map(_)) {
            found.push(wrong_type("the context", "a mapping", &root));
            return None;
        }
        let mut context = ContextFile::default();
        for (key, value) in root.entries() {
            match key.value.as_str() {
                "queue" => [context.queue_id, context.queue_name] = parts("queue", value, ["id", "name"], found),
                "worker" => [context.worker_id] = parts("worker", value, ["id"], found),
                "namespace" => context.namespace = text("namespace", value, found),
                "providers" => {
                    if let Some(object) = object("providers", value, found) {
                        context.providers = object;
                    }
                }
                "config" => match &value.kind {
                    Kind::String(path) => context.config_file = Some(path.clone()),
                    _ => {
                        if let Some(object) = object("config", value, found) {
                            context.config = object;
                        }
                    }
                },
                _ => found.push(unknown(key, "", KEYS)),
            }
        }
        Some(context)
    }
}

/// The texts of a small mapping, in the order of its keys.
fn parts<const N: usize>(path: &str, value: &Node, keys: [&str; N], found: &mut Diagnostics) -> [Option<String>; N] {
    match value.kind {
        Kind::Null => {}
        Kind::Map(_) => {
            for (key, _) in value.entries() {
                if !keys.contains(&key.value.as_str()) {
                    found.push(unknown(key, &format!("{path}."), &keys));
                }
            }
        }
        _ => {
            let example = keys.map(|key| format!("{key}: …")).join(", ");
            found.push(wrong_type(path, "a mapping", value).help(format!("write `{path}: {{{example}}}`")));
        }
    }
    keys.map(|key| value.get(key).and_then(|value| text(&format!("{path}.{key}"), value, found)))
}

fn text(path: &str, value: &Node, found: &mut Diagnostics) -> Option<String> {
    match &value.kind {
        Kind::Null => None,
        Kind::String(text) => Some(text.value.clone()),
        _ => {
            found.push(wrong_type(path, "a string", value).help("quote it if it is text"));
            None
        }
    }
}

fn object(path: &str, value: &Node, found: &mut Diagnostics) -> Option<Value> {
    match value.kind {
        Kind::Null => None,
        Kind::Map(_) => Some(value.to_value()),
        _ => {
            found.push(wrong_type(path, "a mapping", value));
            None
        }
    }
}

fn unknown(key: &Text, path: &str, known: &[&str]) -> Diagnostic {
    let unknown = Diagnostic::new(Code::UnknownKey, format!("a context file has no key `{path}{}`", key.value));
    match did_you_mean(&key.value, known.iter().copied()) {
        Some(near) => unknown.at(key.span).help(format!("did you mean `{path}{near}`?")),
        None => unknown.at(key.span).help(format!("the keys are {}", known.join(", "))),
    }
}

fn wrong_type(path: &str, wanted: &str, value: &Node) -> Diagnostic {
    Diagnostic::new(Code::WrongType, format!("`{path}` must be {wanted}, not {}", value.kind_name())).at(value.span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn read(text: &str) -> (Option<ContextFile>, Vec<String>) {
        let mut sources = Sources::new();
        let file = sources.add("context.yaml", text);
        let mut found = Diagnostics::new();
        let context = ContextFile::read(&sources, file, &mut found);
        let line = |d: &Diagnostic| {
            let at = d.primary.as_ref().map_or(String::new(), |l| sources.file_line_column(l.span));
            format!("{at}: {}: {} ({})", d.code.as_str(), d.message, d.help.as_deref().unwrap_or(""))
        };
        (context, found.iter().map(line).collect())
    }

    #[test]
    fn all_keys_are_optional() {
        for text in ["", "{}", "queue:\nworker:\nproviders:\nconfig:\nnamespace:\n"] {
            assert_eq!(read(text), (Some(ContextFile::default()), Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn all_keys_are_read() {
        let yaml = "queue: {id: q1, name: train}\nworker: {id: w}\nnamespace: ml\nproviders: {role: a}\nconfig: {nfs: {ip: b}}\n";
        let json = r#"{"queue": {"id": "q1", "name": "train"}, "worker": {"id": "w"}, "namespace": "ml",
            "providers": {"role": "a"}, "config": {"nfs": {"ip": "b"}}}"#;
        for text in [yaml, json] {
            let (context, said) = read(text);
            let context = context.unwrap();
            assert_eq!(said, Vec::<String>::new());
            assert_eq!(context.queue_id.as_deref(), Some("q1"));
            assert_eq!(context.queue_name.as_deref(), Some("train"));
            assert_eq!(context.worker_id.as_deref(), Some("w"));
            assert_eq!(context.namespace.as_deref(), Some("ml"));
            assert_eq!(context.providers, json!({"role": "a"}));
            assert_eq!(context.config, json!({"nfs": {"ip": "b"}}));
        }
        let (context, _) = read("config: ./clearml.conf");
        assert_eq!(context.unwrap().config_file.unwrap().value, "./clearml.conf");
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let (context, said) =
            read("queu: {}\nqueue: {id: 7, nam: a}\nworker: w\nnamespace: [a]\nproviders: 1\nconfig: []\nzzz: 1\n");
        assert!(context.is_some());
        let wanted = [
            "context.yaml:1:1: unknown-key: a context file has no key `queu` (did you mean `queue`?)",
            "context.yaml:2:16: unknown-key: a context file has no key `queue.nam` (did you mean `queue.name`?)",
            "context.yaml:2:13: wrong-type: `queue.id` must be a string, not a number (quote it if it is text)",
            "context.yaml:3:9: wrong-type: `worker` must be a mapping, not a string (write `worker: {id: …}`)",
            "context.yaml:4:12: wrong-type: `namespace` must be a string, not a list (quote it if it is text)",
            "context.yaml:5:12: wrong-type: `providers` must be a mapping, not a number ()",
            "context.yaml:6:9: wrong-type: `config` must be a mapping, not a list ()",
            "context.yaml:7:1: unknown-key: a context file has no key `zzz` (the keys are queue, namespace, worker, providers, config)",
        ];
        assert_eq!(said, wanted);
        assert!(read("- a").0.is_none());
        assert!(read("a: [").0.is_none());
        assert_eq!(read("{}\n---\n{}").1.len(), 1);
    }
}

//! The fuzz targets: functions that take bytes, and panic if a guarantee is broken.

use podrules::diagnostic::{Diagnostics, FileId, Sources, render};
use podrules::edit::{Editor, Pointer, json_patch, merge_patch};
use podrules::output::to_yaml;
use podrules::path::Path;
use podrules::pod::strategic;
use podrules::source::{Node, json, yaml};
use podrules::{plan, run};
use serde_json::{Value, json};

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "a"}, "annotations": null},
        "spec": {
            "containers": [
                {"name": "task", "image": "ubuntu:22.04", "env": [{"name": "A", "value": "b"}], "volumeMounts": []},
                {"name": "side", "image": "busybox", "resources": {"limits": {"cpu": "1"}}}
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "tolerations": null
        }
    })
}

fn task() -> Value {
    json!({
        "id": "0a1b2c", "name": "train ${x}", "parent": null, "tags": ["a", "b"],
        "hyperparams": {"Args": {"gpus": {"value": "2"}, "bad": {"value": "x"}}},
        "container": {"image": "nvidia/cuda:12"}
    })
}

fn sources(text: &str) -> (Sources, FileId) {
    let mut sources = Sources::new();
    let file = sources.add("fuzz.yaml", text);
    (sources, file)
}

/// A rules file, compiled and run.
pub fn rules_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (sources, file) = sources(text);
    let mut found = Diagnostics::new();
    let plan = plan::compile(&sources, None, &[file], &mut found);
    let context = podrules::context::Context::new(task(), "q", "train");
    let outcome = plan.run(template(), &context, run::Options { trace: true, ..Default::default() });
    let plain = plan.run(template(), &context, run::Options::default());
    assert_eq!(outcome.pod, plain.pod, "a trace must not change the result");
    if outcome.failure.is_none() {
        let _ = podrules::pod::check::check(&outcome.pod);
        assert_eq!(read_back(&to_yaml(&outcome.pod)), Some(outcome.pod.clone()));
    }
    let mut before = outcome.pod.clone();
    run::seen(&mut before, outcome.changes);
    found.extend(outcome.failure);
    found.extend(outcome.warnings);
    let list = found.into_vec();
    for diagnostic in &list {
        for label in diagnostic.primary.iter().chain(&diagnostic.related) {
            let inside = label.span.end as usize <= text.len() + 1 && text.is_char_boundary(label.span.start as usize);
            assert!(!sources.has(label.span.file) || inside, "{diagnostic:?}");
        }
    }
    let shown = render::human(&list, &sources, false);
    assert!(!shown.contains(['\u{1b}', '\0', '\u{7}']));
    let _ = (render::json(&list, &sources), render::sarif(&list, &sources), render::github(&list, &sources));
}

fn read_back(text: &str) -> Option<Value> {
    let (sources, file) = sources(text);
    let mut found = Diagnostics::new();
    let documents = yaml::read(&sources, file, &mut found);
    (!found.has_errors()).then(|| documents.first().map_or(Value::Null, Node::to_value))
}

/// A path.
pub fn jsonpath(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Path::parse_relative(text);
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(error) => {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset), "{error:?}");
            return;
        }
    };
    let pod = template();
    let Ok(places) = path.select_bounded(&pod, &Pointer::root(), 100_000) else { return };
    for place in &places {
        assert!(place.get(&pod).is_some(), "{text}: {place}");
    }
    if places.is_empty() {
        let _ = path.deepest_match(&pod, &Pointer::root());
    }
    assert_eq!(Path::parse(&path.to_string()).ok(), Some(path));
}

/// An expression in a text, as a condition, and as a script.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let rules = json!({
        "apiVersion": "podrules.io/v1", "kind": "Rules", "vars": {"a": "${task.id}", "b": "${vars.a + 1}"},
        "rules": [
            {"name": "condition", "when": text, "onError": "skip", "do": []},
            {"name": "text", "onError": "skip", "do": [
                {"set": {"path": "$.metadata.annotations.x", "value": format!("a ${{{text}}}")}}
            ]},
            {"name": "script", "onError": "skip", "do": [{"script": {"code": text, "timeout": "200ms"}}]}
        ]
    });
    // Each on its own: a mistake in one would keep the others from running.
    for rule in 0..3 {
        let mut one = rules.clone();
        one["rules"] = json!([rules["rules"][rule]]);
        rules_file(one.to_string().as_bytes());
    }
}

/// YAML, and also JSON if the text is JSON.
pub fn yaml_roundtrip(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (sources, file) = sources(text);
    let mut found = Diagnostics::new();
    let documents = yaml::read(&sources, file, &mut found);
    for document in &documents {
        let value = document.to_value();
        assert_eq!(read_back(&to_yaml(&value)).as_ref(), Some(&value), "{value}");
        let _ = podrules::output::lines(&value);
    }
    let _ = render::human(&found.clone().into_vec(), &sources, true);
    if let (Ok(value), false) = (json::read(&sources, file), found.has_errors()) {
        let read = documents.first().map_or(Value::Null, Node::to_value);
        // YAML reads `1e2` and `1.0` as JSON does; only the notation of floats may differ.
        assert_eq!(read.to_string(), value.to_string(), "{text}");
    }
}

/// A document and a patch, in one JSON list.
pub fn patches(bytes: &[u8]) {
    let Ok(Value::Array(mut both)) = serde_json::from_slice(bytes) else { return };
    let (Some(patch), Some(document)) = (both.pop(), both.pop()) else { return };
    let before = document.to_string();
    let mut editor = Editor::new(document);
    let undone = |editor: &mut Editor| {
        editor.rollback(0);
        assert_eq!(editor.root().to_string(), before);
    };
    let _ = merge_patch::apply(&mut editor, &Pointer::root(), &patch);
    undone(&mut editor);
    if let Ok(operations) = json_patch::parse(&patch) {
        let _ = json_patch::apply(&mut editor, &Pointer::root(), &operations);
        undone(&mut editor);
    }
    let _ = strategic::strategic_merge(&mut editor, &Pointer::root(), &patch);
    undone(&mut editor);
}

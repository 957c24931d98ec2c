//! The JSON Schema in schema/ matches the types, accepts and refuses what podrules does, and its examples work.
//! `UPDATE=1` regenerates it from the types.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use podrules::context::Context;
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::hook::{Answer, Hook, Hooks};
use podrules::run::Options;
use podrules::{op, plan, rules};
use serde_json::{Value, json};
use std::sync::Arc;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/rules.schema.json");

fn published() -> Value {
    let text = std::fs::read_to_string(PATH).expect("can't read schema/rules.schema.json");
    serde_json::from_str(&text).expect("schema/rules.schema.json must be JSON")
}

#[test]
fn schema_matches_the_types() {
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&rules::schema::rules()).expect("JSON");
        std::fs::write(PATH, text + "\n").expect("can't write schema/rules.schema.json");
    }
    assert!(published() == rules::schema::rules(), "schema/rules.schema.json is outdated: run `make schema`");
}

#[test]
fn schema_is_a_2020_12_schema() {
    let schema = published();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::meta::validate(&schema).expect("a valid schema");
}

fn file(rule: Value) -> Value {
    json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": [rule]})
}

/// Whether the schema and podrules accept a document.
fn verdicts(document: &Value) -> (bool, bool) {
    let schema = jsonschema::draft202012::new(&published()).expect("a schema");
    let mut sources = Sources::new();
    let id = sources.add("rules.yaml", document.to_string());
    let mut found = Diagnostics::new();
    plan::compile(&sources, None, &[id], &mut found);
    (schema.is_valid(document), !found.has_errors())
}

#[test]
fn schema_accepts_what_podrules_accepts() {
    for document in [
        file(json!({"name": "a", "do": [{"set": {"path": "$.spec.hostNetwork", "value": true}}]})),
        file(json!({"name": "a", "queues": "train", "when": "true", "stop": true, "do": []})),
        file(json!({"name": "a", "queues": ["a*", "!b"], "mode": "audit", "stage": "pod", "onError": "skip",
            "enabled": false, "description": "d", "do": [{"script": "log(1);"}]})),
        file(json!({"name": "a", "do": [{"script": {"code": "log(1);", "timeout": "1s"}}]})),
        file(json!({"name": "a", "companions": [{"lifetime": "keep", "manifest":
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}}]})),
        file(json!({"name": "a", "do": [{"forEach": {"in": "$.spec.containers[*]",
            "do": [{"set": {"path": "@.tty", "value": true}}]}}]})),
        json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "env": ["HOME"], "vars": {"a": "${1 + 1}"}, "rules": []}),
    ] {
        assert_eq!(verdicts(&document), (true, true), "{document}");
    }
}

#[test]
fn schema_refuses_what_podrules_refuses() {
    for document in [
        json!([]),
        json!({"apiVersion": "podrules.io/v1", "kind": "Rules"}),
        json!({"apiVersion": "podrules.io/v2", "kind": "Rules", "rules": []}),
        json!({"apiVersion": "podrules.io/v1", "kind": "Rule", "rules": []}),
        json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": [], "rule": []}),
        file(json!({"do": []})),
        file(json!({"name": 1})),
        file(json!({"name": "a", "queue": "b"})),
        file(json!({"name": "a", "mode": "dry"})),
        file(json!({"name": "a", "stop": "yes"})),
        file(json!({"name": "a", "queues": [1]})),
        file(json!({"name": "a", "do": [{"sett": {}}]})),
        file(json!({"name": "a", "do": [{}]})),
        file(json!({"name": "a", "do": ["set"]})),
        file(json!({"name": "a", "do": [{"set": {"path": "$.a"}}]})),
        file(json!({"name": "a", "do": [{"set": {"path": "$.a", "value": 1, "valu": 1}}]})),
        file(json!({"name": "a", "do": [{"set": {"path": 1, "value": 1}}]})),
        file(json!({"name": "a", "companions": [{"manifest": {"kind": "A"}, "lifetime": "forever"}]})),
    ] {
        assert_eq!(verdicts(&document), (false, false), "{document}");
    }
}

/// The examples of an operation's parameters in the published schema.
fn examples<'s>(schema: &'s Value, operation: &str) -> &'s [Value] {
    let reference = schema["$defs"]["Operation"]["properties"][operation]["$ref"].as_str().expect(operation);
    let parameters = schema.pointer(reference.trim_start_matches('#')).expect(operation);
    parameters["examples"].as_array().map_or(&[], Vec::as_slice)
}

/// A Pod to which all examples apply.
fn template() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "PVC_NAME"},
        "spec": {
            "nodeName": "node-1",
            "nodeSelector": {"disk": "ssd"},
            "initContainers": [{"name": "prepare", "image": "docker.io/busybox"}],
            "containers": [
                {
                    "name": "task",
                    "image": "docker.io/ubuntu",
                    "args": ["--quiet"],
                    "env": [{"name": "DEBUG", "value": "1"}],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                },
                {"name": "sync", "image": "docker.io/rclone"},
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    })
}

/// A stand-in for Python: every hook adds a label.
#[derive(Debug)]
struct AddsLabel;

impl Hooks for AddsLabel {
    fn call(&self, _: &Hook, template: &Value, _: &Context) -> Answer {
        let mut template = template.clone();
        template["metadata"]["labels"] = json!({"hook": "called"});
        Answer { template: Ok(template), log: Vec::new() }
    }
}

/// Runs an operation in a rule on [`template`]. The error contains the findings.
fn run(operation: &str, parameters: &Value) -> Result<Value, String> {
    let mut sources = Sources::new();
    let document = file(json!({"name": "example", "do": [{operation: parameters}]}));
    let id = sources.add("rules.yaml", document.to_string());
    let mut found = Diagnostics::new();
    let plan = plan::compile(&sources, None, &[id], &mut found);
    if let Some(diagnostic) = found.iter().next() {
        return Err(diagnostic.message.clone());
    }
    let mut context = Context::new(json!({"id": "0a1b2c3d", "name": "train"}), "q1", "default");
    context.config = Arc::new(json!({"registry": {"secret": "pull"}, "repo": "https://git.example.com/data.git"}));
    let outcome = plan.run_rules(template(), &context, Options { hooks: Some(&AddsLabel), ..Options::default() });
    match outcome.failure.iter().chain(&outcome.warnings).next() {
        Some(diagnostic) => Err(diagnostic.message.clone()),
        None => Ok(outcome.pod),
    }
}

#[test]
fn every_operation_has_examples_that_work() {
    let schema = published();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    for operation in op::ALL.iter().map(|operation| operation.name) {
        let examples = examples(&schema, operation);
        assert!(!examples.is_empty(), "{operation} has no example");
        for example in examples {
            let document = file(json!({"name": "example", "do": [{operation: example}]}));
            assert!(validator.is_valid(&document), "the schema refuses {operation}: {example}");
            match run(operation, example) {
                Ok(pod) => assert!(pod != template(), "{operation}: {example} changes nothing"),
                Err(message) => panic!("{operation}: {example}: {message}"),
            }
        }
    }
}

#[test]
fn descriptions_keep_no_fences() {
    let text = published().to_string();
    assert!(!text.contains("```"), "an example wasn't recognised: it must be YAML, a list of operations");
}

//! The JSON Schema in schema/ is the one that the types give, and it accepts and refuses what it should.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use podrules::diagnostic::{Diagnostics, Sources};
use podrules::{plan, rules};
use serde_json::{Value, json};

fn published() -> Value {
    let text = include_str!("../schema/rules.schema.json");
    serde_json::from_str(text).expect("schema/rules.schema.json is JSON")
}

#[test]
fn schema_is_the_one_of_the_types() {
    assert!(published() == rules::schema::rules(), "schema/rules.schema.json is old: run `make schema`");
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

/// What the schema says of a document, and what podrules says.
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

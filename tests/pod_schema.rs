//! Compares the table of the Pod's fields with its source, k8s-openapi. `UPDATE=1` regenerates it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pod/schema.txt");

fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap()
}

fn shape(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return match short(reference) {
            "Quantity" => "quantity".into(),
            "IntOrString" => "int-or-string".into(),
            "Time" | "MicroTime" => "time".into(),
            "FieldsV1" => "any".into(),
            name => name.into(),
        };
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), _) => "string".into(),
        (Some("boolean"), _) => "bool".into(),
        (Some("integer"), Some(format @ ("int32" | "int64"))) => format.into(),
        (Some("array"), _) => format!("[{}", shape(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("{{{}", shape(&schema["additionalProperties"]))
        }
        other => panic!("no shape for {other:?}: {schema}"),
    }
}

fn describe(out: &mut String, name: &str, schema: &Value) {
    writeln!(out, "{name}").unwrap();
    let none = serde_json::Map::new();
    let fields: BTreeMap<_, _> = schema["properties"].as_object().unwrap_or(&none).iter().collect();
    for (field, inner) in fields {
        let required = schema["required"].as_array().is_some_and(|list| list.iter().any(|r| r == field.as_str()));
        writeln!(out, " {field}{} {}", if required { "!" } else { "" }, shape(inner)).unwrap();
    }
}

#[test]
fn the_table_matches_kubernetes() {
    let root = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<k8s_openapi::api::core::v1::Pod>();
    let root = serde_json::to_value(root).unwrap();
    let mut table = String::new();
    describe(&mut table, "Pod", &root);
    let types: BTreeMap<&str, &Value> = root["$defs"].as_object().unwrap().iter().map(|(n, s)| (short(n), s)).collect();
    assert_eq!(types.len(), root["$defs"].as_object().unwrap().len(), "two types have the same short name");
    for (name, schema) in types {
        if !matches!(name, "Quantity" | "IntOrString" | "Time" | "MicroTime" | "FieldsV1") {
            describe(&mut table, name, schema);
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), table, "run: UPDATE=1 cargo test --test pod_schema");
    assert!(table.len() < 60_000);
}

#[test]
fn lookups() {
    use podrules::edit::Step;
    use podrules::pod::schema::{self, Lookup};
    let steps = |text: &str| -> Vec<Step> {
        text.split('.').map(|s| s.parse::<usize>().map_or_else(|_| Step::from(s), Step::from)).collect()
    };
    let say = |text: &str| match schema::type_at(&steps(text)) {
        Lookup::Known(shape) => shape.object().map_or_else(|| shape.wanted().to_string(), |t| t.name.to_string()),
        Lookup::UnknownField { parent, depth, .. } => {
            format!("no {} in {}", text.split('.').nth(depth).unwrap(), parent.name)
        }
        Lookup::Mismatch { depth, .. } => format!("mismatch at {depth}"),
        Lookup::Free => "free".into(),
    };
    for (place, wanted) in [
        ("spec", "PodSpec"),
        ("spec.containers.0", "Container"),
        ("spec.containers.0.resources.limits.cpu", "a quantity"),
        ("spec.containers.0.volumes.0.name", "no volumes in Container"),
        ("spec.containers.name", "mismatch at 2"),
        ("metadata.labels.x", "a string"),
        ("spec.volumes.0.ephemeral.volumeClaimTemplate.metadata", "ObjectMeta"),
        ("metadata.managedFields.0.fieldsV1.f:x", "free"),
        ("spec.initContainers.3.ports.0.containerPort", "an integer"),
    ] {
        assert_eq!(say(place), wanted, "{place}");
    }
}

#[test]
fn where_fields_belong() {
    use podrules::pod::schema::{by_name, places};
    let container = by_name("Container").unwrap();
    let spec = by_name("PodSpec").unwrap();
    for (field, from, wanted) in [
        ("volumes", (container, "$.spec.containers[0]"), "$.spec.volumes"),
        ("limits", (container, "$.spec.containers[0]"), "$.spec.containers[0].resources.limits"),
        ("volumeMounts", (spec, "$.spec"), "$.spec.containers[*].volumeMounts"),
        ("nodeSelector", (container, "$.spec.containers[0]"), "$.spec.nodeSelector"),
        ("gpus", (container, "$.spec.containers[0]"), ""),
    ] {
        assert_eq!(places(field, from).first().map(String::as_str).unwrap_or(""), wanted, "{field}");
    }
}

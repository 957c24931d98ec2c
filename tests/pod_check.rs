//! The Pod check: each folder of tests/pod_check contains a Pod and its findings; those named `valid-…` have none.
//! `UPDATE=1` rewrites expected.txt; read the diff before you commit it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use podrules::pod::check::{Finding, check, check_template};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn lines(findings: &[Finding]) -> String {
    let line = |f: &Finding| {
        let help = f.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {} {}: {}{help}\n", f.severity.word(), f.code.as_str(), f.at, f.message)
    };
    findings.iter().map(line).collect()
}

#[test]
fn findings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pod_check");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 30);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let pod: Value = serde_json::from_str(&std::fs::read_to_string(case.join("pod.json")).unwrap()).unwrap();
        let got = lines(&check(&pod));
        let expected = case.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &got).unwrap();
        }
        if name.starts_with("valid-") && !got.is_empty() {
            wrong.push(format!("{name} is valid, but has findings:\n{got}"));
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_template_may_lack_fields_that_the_agent_fills_in() {
    let template = json!({"metadata": {}, "spec": {"containers": [{"env": []}, {"name": "side"}]}});
    assert_eq!(
        lines(&check_template(&template)),
        "error missing-field $.spec.containers[1].image: a container needs an image\n"
    );
    assert_eq!(lines(&check_template(&json!({"metadata": {}}))), "");
}

#[test]
fn depth_and_size_are_bounded() {
    let mut deep = json!({});
    for _ in 0..500 {
        deep = json!({ "a": [deep] });
    }
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "t", "image": "i", "x": deep}]}});
    assert_eq!(check(&pod).len(), 1);
    let many: Vec<Value> = (0..20_000).map(|n| json!({"name": format!("V{n}"), "value": "x"})).collect();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "t", "image": "i", "env": many}]}});
    assert!(check(&pod).is_empty());
}

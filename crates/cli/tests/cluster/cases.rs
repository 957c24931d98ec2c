//! Every folder of tests/cluster/cases that has an `expected.txt`: its output and exit code, and that nothing is left behind.
//!
//! `before.json` lists objects that exist beforehand, `arguments` holds more arguments, one per line. `UPDATE=1`
//! rewrites `expected.txt`: read the diff before you commit it.

use crate::harness::{Place, folder};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// The API path of an object's kind.
fn path_of(place: &Place, object: &Value) -> String {
    match object["kind"].as_str().unwrap() {
        "Pod" => place.core("pods"),
        "ConfigMap" => place.core("configmaps"),
        "ResourceQuota" => place.core("resourcequotas"),
        "LimitRange" => place.core("limitranges"),
        other => panic!("no path is known for {other}"),
    }
}

/// The existing objects that a launch could have created.
fn there(place: &Place) -> Vec<String> {
    ["pods", "configmaps", "persistentvolumeclaims", "secrets"]
        .iter()
        .flat_map(|kind| place.names(&place.core(kind)).into_iter().map(move |name| format!("{kind}/{name}")))
        .filter(|name| name != "configmaps/kube-root-ca.crt")
        .collect()
}

fn run(case: &str) -> Option<String> {
    let file = folder(case).join("expected.txt");
    let place = Place::new(case);
    place.until("the root certificate to exist", || place.get(&place.core("configmaps/kube-root-ca.crt")).is_ok());
    let before = fs::read_to_string(folder(case).join("before.json")).unwrap_or_else(|_| "[]".to_owned());
    for object in serde_json::from_str::<Vec<Value>>(&before).unwrap() {
        place.post(&path_of(&place, &object), &object).unwrap();
        if object["kind"] == "ResourceQuota" {
            // A quota applies once its controller has seen it.
            let path = place.core(&format!("resourcequotas/{}", object["metadata"]["name"].as_str().unwrap()));
            place.until("the quota", || !place.get(&path).unwrap()["status"]["used"].is_null());
        }
    }
    let was = there(&place);
    let arguments = fs::read_to_string(folder(case).join("arguments")).unwrap_or_default();
    let arguments: Vec<&str> = arguments.lines().collect();
    let ran = place.apply(case, &arguments);
    if ran.code != 0 || arguments.iter().any(|word| word.starts_with("--dry-run")) {
        place.until("the rollback", || there(&place) == was);
    }
    let got = ran.text(&place);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &got).unwrap();
    }
    (fs::read_to_string(&file).unwrap() != got).then_some(got)
}

#[test]
fn the_output_is_as_expected_and_failures_leave_nothing() {
    let all = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut cases: Vec<String> = all.filter(|case| folder(case).join("expected.txt").exists()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for case in &cases {
        if let Some(got) = run(case) {
            let _ = writeln!(wrong, "{case}:\n{got}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

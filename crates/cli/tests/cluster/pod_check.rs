//! podrules' Pod check compared with the API server's: every Pod of tests/pod_check is sent with `dryRun`, and both must agree.
//!
//! Intended differences are listed in tests/cluster/differences.json, with their reasons.

use crate::harness::Place;
use podrules::diagnostic::Severity;
use podrules::pod::check::check;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn our_check_and_the_api_server_agree() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let known =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/differences.json")).unwrap();
    let known: Map<String, Value> = serde_json::from_str(&known).unwrap();
    let place = Place::new("check");
    let mut cases: Vec<_> = fs::read_dir(tests.join("pod_check")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = String::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let mut pod: Value = serde_json::from_str(&fs::read_to_string(case.join("pod.json")).unwrap()).unwrap();
        let ours: Vec<String> = check(&pod)
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("{}: {}", finding.at, finding.message))
            .collect();
        if ours.is_empty() {
            // The namespace and the ServiceAccount of these needn't exist.
            pod["metadata"]["namespace"] = place.namespace.clone().into();
            pod["spec"]["serviceAccountName"] = "clearml-agent-sa".into();
        }
        let theirs = place.post(&place.core("pods?dryRun=All"), &pod).err();
        let theirs = theirs.or_else(|| if ours.is_empty() { applied(&place, pod) } else { None });
        let agree = ours.is_empty() == theirs.is_none();
        if agree == known.contains_key(&name) {
            let theirs = theirs.map_or("accepts it".to_owned(), |status| status["message"].to_string());
            let _ = writeln!(wrong, "{name}:\n  ours: {ours:?}\n  the API server: {theirs}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The API server's objection to the Pod as `apply` sends it, if it has one.
fn applied(place: &Place, pod: Value) -> Option<Value> {
    let objects = podrules_cluster::launch_objects(Vec::new(), pod, "task", &place.namespace).unwrap();
    let object = &objects[0];
    let path = place.core(&format!("pods/{}", object.name));
    place.apply_as("podrules&dryRun=All", &path, &object.value).err()
}

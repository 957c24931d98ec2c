//! Strategic merge patches: each folder of tests/strategic contains a Pod, a patch and the result, which must match kubectl's.
//!
//! `UPDATE=1` writes expected.json with kubectl. Folders named `refused-…` contain patches that both podrules and kubectl must
//! refuse; `ours-…` are cases where podrules differs on purpose (see the module's documentation). `KUBECTL` names the program;
//! in CI the test fails without it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use podrules::edit::{Editor, Pointer};
use podrules::pod::strategic::strategic_merge;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn kubectl() -> Option<PathBuf> {
    let found = match std::env::var_os("KUBECTL") {
        Some(path) => Some(PathBuf::from(path)),
        None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join("kubectl"))
            .find(|path| path.is_file()),
    };
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI needs kubectl for this test");
    found
}

/// kubectl's result; `None` if it refuses the patch.
fn ask(kubectl: &Path, case: &Path) -> Option<Value> {
    let patch = std::fs::read_to_string(case.join("patch.json")).unwrap();
    let output = Command::new(kubectl)
        .args(["patch", "--local", "--type=strategic", "-o", "json", "-p", &patch, "-f"])
        .arg(case.join("pod.json"))
        .output()
        .unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn results_match_kubectl() {
    let kubectl = kubectl();
    let update = std::env::var_os("UPDATE").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strategic");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 25);
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let before = read(&case.join("pod.json"));
        let mut editor = Editor::new(before.clone());
        let merged = strategic_merge(&mut editor, &Pointer::root(), &read(&case.join("patch.json")));
        let theirs = kubectl.as_ref().filter(|_| !name.starts_with("ours-")).map(|kubectl| ask(kubectl, case));
        if name.starts_with("refused-") {
            if merged.is_ok() || *editor.root() != before || !editor.log().is_empty() {
                wrong.push(format!("{name}: must be refused and change nothing"));
            }
            if matches!(theirs, Some(Some(_))) {
                wrong.push(format!("{name}: kubectl does not refuse it"));
            }
            continue;
        }
        if let Err(refused) = merged {
            let (at, why) = *refused;
            wrong.push(format!("{name}: refused at {at}: {why}"));
            continue;
        }
        let expected = case.join("expected.json");
        if update {
            let text = match &theirs {
                Some(theirs) => serde_json::to_string_pretty(theirs.as_ref().unwrap()).unwrap(),
                None => serde_json::to_string_pretty(editor.root()).unwrap(),
            };
            std::fs::write(&expected, text + "\n").unwrap();
        }
        if *editor.root() != read(&expected) {
            wrong.push(format!("{name}: {}", editor.root()));
        }
        if let Some(theirs) = theirs
            && theirs.as_ref() != Some(editor.root())
        {
            wrong.push(format!("{name}: ours {}\n  kubectl {theirs:?}", editor.root()));
        }
        editor.rollback(0);
        if *editor.root() != before {
            wrong.push(format!("{name}: rollback does not restore the Pod"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_changes_are_recorded() {
    let pod = serde_json::json!({"spec": {"containers": [
        {"name": "task", "image": "a", "env": [{"name": "A", "value": "1"}]}, {"name": "b", "image": "b"}]}});
    let patch = serde_json::json!({"spec": {"containers": [
        {"name": "task", "image": "a", "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]}]}});
    let mut editor = Editor::new(pod);
    strategic_merge(&mut editor, &Pointer::root(), &patch).unwrap();
    let places: Vec<String> = editor.log().iter().map(|change| change.at.to_string()).collect();
    assert_eq!(places, ["$.spec.containers[0].env[0].value", "$.spec.containers[0].env[1]"]);
}

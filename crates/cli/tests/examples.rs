//! Every folder of examples/ renders to its expected.yaml, and its rules and values have no findings.
//!
//! `UPDATE=1` rewrites expected.yaml: read the diff before you commit it.

#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn podrules(arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_podrules")).args(arguments).current_dir(ROOT).output().expect("podrules runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn examples() -> Vec<PathBuf> {
    let root = Path::new(ROOT).join("examples");
    let mut folders: Vec<PathBuf> = fs::read_dir(root)
        .expect("examples")
        .flatten()
        .map(|entry| entry.path())
        // examples/from-python has several examples in one folder; tests/cli runs them.
        .filter(|path| path.join("values.yaml").is_file())
        .collect();
    folders.sort();
    assert!(folders.len() >= 4);
    folders
}

#[test]
fn examples_render_to_their_expected_yaml() {
    for folder in examples() {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let (code, pod, said) = podrules(&["render", "--strict", &format!("examples/{name}")]);
        assert_eq!((code, said.as_str()), (0, ""), "{name}");
        let expected = folder.join("expected.yaml");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &pod).expect("written");
        }
        assert_eq!(pod, fs::read_to_string(&expected).unwrap_or_default(), "{name}");
    }
}

#[test]
fn examples_have_no_findings() {
    for folder in examples() {
        let values = folder.join("values.yaml").display().to_string();
        let rules = folder.join("rules").display().to_string();
        let mut arguments = vec!["validate", "--strict", values.as_str()];
        if folder.join("rules").is_dir() {
            arguments.push(&rules);
        }
        assert_eq!(podrules(&arguments), (0, String::new(), String::new()), "{}", folder.display());
    }
}

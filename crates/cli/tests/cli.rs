//! Runs every folder of tests/cli: a command line on the folder's files, compared with its expected output and exit code.
//!
//! `command` holds the arguments, one per line; `stdin` is optional. `expected.txt` is the result. `UPDATE=1` rewrites it:
//! read the diff before you commit it.

#![allow(clippy::expect_used, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn run(folder: &Path) -> String {
    let command = fs::read_to_string(folder.join("command")).expect("a case needs a command");
    let mut child = Command::new(env!("CARGO_BIN_EXE_podrules"))
        .args(command.lines().filter(|line| !line.is_empty()))
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("TEAM", "vision")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podrules starts");
    let input = fs::read(folder.join("stdin")).unwrap_or_default();
    // A command that doesn't read its input may close it.
    let _ = child.stdin.take().expect("a pipe").write_all(&input);
    let output = child.wait_with_output().expect("podrules ends");
    let mut text = format!("exit {}\n", output.status.code().map_or("by signal".to_owned(), |code| code.to_string()));
    let _ = write!(text, "--- stdout\n{}", String::from_utf8_lossy(&output.stdout));
    let _ = write!(text, "--- stderr\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn every_command_prints_the_expected_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root)
        .expect("tests/cli")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("command").exists())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for case in &cases {
        let got = run(case);
        let file = case.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &got).expect("written");
        } else if fs::read_to_string(&file).unwrap_or_default() != got {
            let _ = writeln!(wrong, "{}:\n{got}", case.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

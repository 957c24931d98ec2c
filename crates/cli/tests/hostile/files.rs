//! Paths that aren't files; files that are too large or aren't text; closed pipes.

use super::harness::{Folder, HEAD, TASK, annotation, finish};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn sparse(folder: &Folder, name: &str, megabytes: u64) {
    File::create(folder.path().join(name)).unwrap().set_len(megabytes << 20).unwrap();
}

#[test]
fn huge_files_are_not_read_completely() {
    for name in ["values.yaml", "rules.yaml", "task.json", "context.yaml", "clearml.conf"] {
        let folder = Folder::new();
        sparse(&folder, name, 4096);
        folder.run(&["render", ".", "--config", "clearml.conf"]).reported(3, "input");
    }
    let folder = Folder::new();
    sparse(&folder, "values.yaml", 4096);
    folder.run(&["validate", "values.yaml"]).reported(3, "input");
    folder.run(&["render", "-f", "/dev/zero", "-t", "task.json"]).reported(3, "input");
}

#[test]
fn paths_that_are_not_files() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for arguments in [
        &["render", "-f", "empty", "-t", "task.json"] as &[&str],
        &["render", ".", "-t", "empty"],
        &["render", ".", "-r", "empty"],
        &["render", ".", "-r", "missing.yaml"],
        &["render", "empty"],
        &["render", "values.yaml"],
        &["render", ".", "--context", "empty"],
        &["render", ".", "--config", "empty"],
        &["validate", "missing.yaml"],
    ] {
        folder.run(arguments).reported(3, "input");
    }
    // Root can read everything.
    let secret = folder.write("secret.yaml", "a: 1");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&secret).is_err() {
        folder.run(&["render", ".", "-r", "secret.yaml"]).reported(3, "input");
    }
}

#[test]
fn files_that_are_not_text() {
    for bytes in [b"a: \xff\n" as &[u8], b"\xc3", b"\xff\xfea\0:\0", b"\xed\xa0\x80"] {
        let folder = Folder::new();
        folder.write("rules.yaml", bytes);
        folder.render().reported(3, "input");
        folder.write("rules.yaml", HEAD.to_owned() + "rules: []\n");
        folder.write("task.json", bytes);
        folder.render().reported(3, "input");
    }
    let folder = Folder::new();
    for bytes in [b"\0" as &[u8], b"a: \0", b"a: \x01\n", b"\0\0\0\0"] {
        folder.write("rules.yaml", bytes);
        assert_eq!(folder.render().code, Some(1), "{bytes:?}");
        folder.write("task.json", bytes);
        assert_eq!(folder.render().code, Some(1), "{bytes:?}");
        folder.write("task.json", TASK);
    }
    folder.write("rules.yaml", annotation("\"a\\0b\\e[31m\""));
    let ended = folder.render();
    assert!(!ended.stdout.contains(['\0', '\x1b']), "{:?}", ended.stdout);
}

#[test]
fn windows_line_ends_and_byte_order_marks() {
    let folder = Folder::new();
    let rules = annotation("'${zz}'").replace('\n', "\r\n");
    folder.write("rules.yaml", format!("\u{feff}{rules}"));
    let ended = folder.render();
    ended.reported(1, "unknown-variable");
    assert!(ended.stderr.contains("rules.yaml:6:55"), "{}", ended.stderr);
    let block = "rules:\n- name: r\n  do:\n    - script: |\n        let a = 1;\n        let b = zz;\n";
    folder.write("rules.yaml", format!("{HEAD}{block}").replace('\n', "\r\n"));
    let ended = folder.render();
    ended.reported(1, "unknown-variable");
    assert!(ended.stderr.contains("rules.yaml:8:17"), "{}", ended.stderr);
    folder.write("task.json", format!("\u{feff}{TASK}"));
    folder.write("rules.yaml", annotation("a").replace('\n', "\r\n"));
    folder.render().done();
}

#[test]
fn configurations_that_explode() {
    let folder = Folder::new();
    let laughs: String = (1..60).map(|n| format!("a{n} = [${{a{0}}}, ${{a{0}}}]\n", n - 1)).collect();
    for text in [
        "a = ".to_owned() + "[".repeat(100_000).as_str(),
        "a {".repeat(50_000),
        "a.".repeat(100_000) + "b = 1",
        "a = ${a}".to_owned(),
        "a = ${b}\nb = ${a}".to_owned(),
        "a0 = [1]\n".to_owned() + laughs.as_str(),
        "include \"/etc/passwd\"".to_owned(),
        "a = ${HOME}".to_owned(),
        "a = \"\"\"".to_owned() + "\"".repeat(10_000).as_str(),
        "\"".repeat(10_001),
        "a = ${".repeat(1000),
    ] {
        folder.write("clearml.conf", &text);
        let ended = folder.run(&["render", ".", "--config", "clearml.conf"]);
        assert!(ended.code == Some(1) || ended.code == Some(0), "{}: {ended:?}", &text[..text.len().min(40)]);
        assert!(ended.code == Some(0) || ended.stderr.contains("error["), "{}", ended.stderr);
    }
}

#[test]
fn standard_input() {
    let folder = Folder::new();
    folder.run(&["render", "-f", "-", "-t", "-"]).reported(2, "usage");
    folder.run(&["render", "-f", "values.yaml", "-t", "-"]).reported(1, "json");
    finish(folder.command(&["render", "-f", "values.yaml", "-t", "-"]), TASK.as_bytes()).done();
    // Standard input is closed.
    let mut closed = Command::new("sh");
    closed.args([
        "-c",
        "exec \"$0\" \"$@\" <&-",
        env!("CARGO_BIN_EXE_podrules"),
        "render",
        "-f",
        "values.yaml",
        "-t",
        "-",
    ]);
    closed.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = finish(closed, &[]);
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
}

#[test]
fn readers_that_go_away() {
    let folder = Folder::new();
    let many: String = (0..20_000).map(|i| format!("a{i}: x, ")).collect();
    folder.write(
        "rules.yaml",
        format!("{HEAD}rules:\n- name: r\n  do:\n    - set: {{path: $.metadata.annotations, value: {{{many}}}}}\n"),
    );
    for arguments in [
        &["render", "."] as &[&str],
        &["render", ".", "-o", "json"],
        &["explain", "."],
        &["schema", "rules"],
        &["completions", "bash"],
    ] {
        let mut command = folder.command(arguments);
        let mut child = command.spawn().unwrap();
        let mut first = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        // The pipe is closed here, with most of it unread.
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
    for redirect in [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full"] {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("exec \"$0\" \"$@\" {redirect}"),
            env!("CARGO_BIN_EXE_podrules"),
            "validate",
            "-o",
            "json",
            "rules.yaml",
        ]);
        command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = finish(command, &[]);
        assert!(matches!(ended.code, Some(0 | 3)), "{redirect}: {ended:?}");
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let folder = Folder::new();
    for redirect in ["2>/dev/full", "2>&-"] {
        let mut command = Command::new("sh");
        let binary = env!("CARGO_BIN_EXE_podrules");
        command.args(["-c", &format!("exec \"$0\" \"$@\" {redirect}"), binary, "render", "-v", "."]);
        command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = finish(command, &[]);
        assert_eq!(ended.code, Some(0), "{redirect}: {ended:?}");
        assert!(ended.stdout.contains("kind: Pod"), "{redirect}: {ended:?}");
    }
}

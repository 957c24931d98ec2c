//! Calls every module of tests/hooks in a worker. Its first lines state the expected result:
//!
//! ```text
//! # code: hook-failed      the code of the error; without it, the hook succeeds
//! # says: raised KeyError  a part of the message
//! # help: did you mean     a part of the help
//! # line: 7                the line of the module that the message names
//! # log: one               a line of the log; all of them, in order
//! # gives: {"spec": {}}    the template that is returned; by default the one that was passed
//! ```

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use podrules::context::Context;
use podrules::diagnostic::{FileId, Span};
use podrules::edit::{Editor, Pointer};
use podrules::hook::{Function, Hook, Hooks};
use podrules_worker::python::{Settings, Workers};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks")
}

fn settings() -> Settings {
    Settings {
        path: vec![folder()],
        env: vec![("MY_VAR".into(), "configured".into())],
        memory: 1 << 30,
        python: std::env::var_os("PODRULES_PYTHON").map_or_else(|| "python3".into(), PathBuf::from),
        ..Settings::default()
    }
}

fn hook(module: &str, timeout: Duration) -> Hook {
    let function = Function { module: module.to_owned(), name: "update_template".to_owned() };
    Hook { function, timeout, span: Span::new(FileId(0), 0, 0) }
}

fn template() -> Value {
    json!({"metadata": {}, "spec": {"containers": [{"name": "task", "env": [{"name": "A", "value": "1"}]}]}})
}

fn context() -> Context {
    let task = json!({
        "id": "0a1b", "name": "a task", "project": "p1", "status": "queued", "type": "training",
        "created": "2026-11-20T10:00:00.123000+00:00", "last_update": "2026-11-20T10:00:00Z",
        "hyperparams": {"Args": {"gpus": {"section": "Args", "name": "gpus", "value": "4", "type": "int"}}},
        "container": {"image": "ubuntu"}, "script": {"repository": "https://git/x"},
        "execution": {"queue": "7f3c", "artifacts": [{"key": "a", "mode": "output"}]},
        "runtime": {"deep": {"er": [1, {"a": 2}]}},
    });
    let mut context = Context::new(task, "7f3c", "train");
    context.providers = Arc::new(json!({"ad-role": "researcher"}));
    context.config = Arc::new(json!({
        "nfs": {"server": {"ip": "10.0.0.5", "path": "/x"}}, "a.b": 3, "list": [0, {"x": 1}],
    }));
    context.worker = Arc::new(json!({"id": "agent-1:0"}));
    context
}

/// The values of a key in a module's first lines.
fn expected(text: &str, key: &str) -> Vec<String> {
    let start = format!("# {key}: ");
    text.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
}

/// The differences between a call's result and the module's expectations; empty if there are none.
fn compare(workers: &Workers, name: &str, text: &str) -> String {
    let slow = expected(text, "says").iter().any(|says| says.contains("longer than 2s"));
    let timeout = Duration::from_secs(if slow { 2 } else { 20 });
    let answer = workers.call(&hook(name, timeout), &template(), &context());
    let mut wrong = String::new();
    let logged = expected(text, "log");
    match (answer.template, expected(text, "code").first()) {
        (Ok(template), None) => {
            let gives = expected(text, "gives");
            let wanted = gives.first().map_or_else(self::template, |json| serde_json::from_str(json).unwrap());
            if template != wanted {
                let _ = writeln!(wrong, "  gave {template}");
            }
            if answer.log != logged {
                let _ = writeln!(wrong, "  logged {:?}", answer.log);
            }
        }
        // The engine reports a template that isn't an object.
        (Ok(template), Some(code)) if !template.is_object() && code == "hook-result" => {}
        (Ok(template), Some(code)) => {
            let _ = writeln!(wrong, "  gave {template}, not {code}");
        }
        (Err(fault), code) => {
            if code.is_none_or(|code| code != fault.code.as_str()) {
                let _ = writeln!(wrong, "  code {}", fault.code.as_str());
            }
            let help = fault.help.clone().unwrap_or_default();
            let line = expected(text, "line").first().map(|line| format!("{name}.py:{line})"));
            let says = expected(text, "says").iter().all(|part| fault.message.contains(part.trim_end()));
            let helps = expected(text, "help").iter().all(|part| help.contains(part.as_str()));
            if !says || !helps || line.is_some_and(|line| !fault.message.contains(&line)) {
                let _ = writeln!(wrong, "  says {} | {help}\n{}", fault.message, fault.traceback.unwrap_or_default());
            }
        }
    }
    wrong
}

#[test]
fn every_hook_has_its_expected_result() {
    let workers = Workers::new(settings());
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".py").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 40);
    let mut wrong = String::new();
    for name in names {
        let text = fs::read_to_string(folder().join(format!("{name}.py"))).unwrap();
        let found = compare(&workers, &name, &text);
        if !found.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn children_that_a_hook_leaves_are_killed() {
    let workers = Workers::new(settings());
    let answer = workers.call(&hook("leaves_children", Duration::from_secs(2)), &template(), &context());
    assert!(answer.template.is_err());
    let sleeping = || processes().into_iter().filter(|command| command.contains("987654")).count();
    // A killed process can remain visible for a moment.
    for _ in 0..100 {
        if sleeping() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(sleeping(), 0);
}

#[test]
fn a_changed_module_is_imported_again() {
    let modules = tempfile::tempdir().unwrap();
    let write = |value: u32| {
        let text = format!("def update_template(template, **kwargs):\n    return {{'template': {{'v': {value}}}}}\n");
        fs::write(modules.path().join("changing.py"), text).unwrap();
    };
    let workers = Workers::new(Settings { path: vec![modules.path().to_owned()], ..settings() });
    let hook = hook("changing", Duration::from_secs(10));
    for value in [1, 2, 30, 4] {
        write(value);
        assert_eq!(workers.call(&hook, &template(), &context()).template.unwrap(), json!({"v": value}));
        assert_eq!(workers.call(&hook, &template(), &context()).template.unwrap(), json!({"v": value}));
    }
    fs::write(modules.path().join("changing.py"), "def update_template(").unwrap();
    assert_eq!(workers.call(&hook, &template(), &context()).template.unwrap_err().code.as_str(), "hook-import");
    write(5);
    assert_eq!(workers.call(&hook, &template(), &context()).template.unwrap(), json!({"v": 5}));
}

#[test]
fn a_bad_interpreter_is_reported() {
    for (python, says) in [
        ("/nowhere/python3", "/nowhere/python3 can't be started: No such file or directory"),
        ("/bin/true", "can't be run: "),
        ("/bin/cat", "can't be run: "),
    ] {
        let workers = Workers::new(Settings { python: PathBuf::from(python), ..settings() });
        let fault =
            workers.call(&hook("raises", Duration::from_secs(5)), &template(), &context()).template.unwrap_err();
        assert_eq!(fault.code.as_str(), "python", "{python}: {}", fault.message);
        assert!(fault.message.contains(says), "{python}: {}", fault.message);
        assert!(fault.help.unwrap().contains("--python"));
    }
}

/// The command lines of all processes.
fn processes() -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let commands = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " ")).collect()
}

#[test]
fn threads_share_the_pool() {
    let workers = Workers::new(settings());
    std::thread::scope(|scope| {
        for n in 0..6 {
            let workers = &workers;
            scope.spawn(move || {
                for turn in 0..20 {
                    let mut template = template();
                    template["spec"]["n"] = json!(n * 100 + turn);
                    let answer = workers.call(&hook("good_fork", Duration::from_secs(20)), &template, &context());
                    assert_eq!(answer.template.unwrap(), template);
                }
            });
        }
    });
}

#[test]
fn a_returned_template_becomes_changes() {
    let mut editor = Editor::new(template());
    let mut new = template();
    new["spec"]["containers"][0]["env"][0]["value"] = json!("2");
    podrules::edit::replace::apply(&mut editor, &Pointer::root(), new).unwrap();
    let changed: Vec<String> = editor.log().iter().map(|change| change.at.to_string()).collect();
    assert_eq!(changed, ["$.spec.containers[0].env[0].value"]);
}

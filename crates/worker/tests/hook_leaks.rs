//! Ten thousand hook calls, some of which fail, leak no process, open file or memory. The test has a process of its own, because
//! it counts the process's resources.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use podrules::context::Context;
use podrules::diagnostic::{FileId, Span};
use podrules::hook::{Function, Hook, Hooks};
use podrules_worker::python::{Settings, Workers};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn hook(module: &str) -> Hook {
    let function = Function { module: module.to_owned(), name: "update_template".to_owned() };
    Hook { function, timeout: Duration::from_secs(20), span: Span::new(FileId(0), 0, 0) }
}

fn template() -> Value {
    json!({"spec": {"containers": [{"name": "task"}]}})
}

fn own_fds() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn own_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn own_children() -> usize {
    let me = std::process::id().to_string();
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok())
        .filter(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.split_whitespace().nth(1) == Some(me.as_str())))
        .count()
}

#[test]
fn ten_thousand_calls_leak_nothing() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks");
    let workers = Workers::new(Settings { path: vec![modules], ..Settings::default() });
    let context = Context::new(json!({"id": "0a1b"}), "7f3c", "train");
    let good = hook("good_tuple");
    let faults = ["raises", "calls_os_exit", "returns_nan", "kills_itself", "segfaults", "leaves_threads"];
    let call = |n: usize| {
        if n % 100 == 99 {
            let fault = hook(faults[n / 100 % faults.len()]);
            assert!(workers.call(&fault, &template(), &context).template.is_err());
        } else {
            assert!(workers.call(&good, &template(), &context).template.is_ok());
        }
    };
    (0..1_000).for_each(call);
    let (fds, memory) = (own_fds(), own_memory());
    (1_000..10_000).for_each(call);
    assert!(own_fds() <= fds, "{} fds, {fds} before", own_fds());
    assert!(own_memory() <= memory + 8_000, "{} kB, {memory} before", own_memory());
    assert!(own_children() <= 1, "{} children", own_children());
}

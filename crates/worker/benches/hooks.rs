//! The cost of a Python hook in the binary: a call to an idle worker, and the first call, which starts Python. For comparison,
//! alternating in the same run: parsing and serialising the same template, and `python3 -c pass`.

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use podrules::context::Context;
use podrules::diagnostic::{FileId, Span};
use podrules::hook::{Function, Hook, Hooks};
use podrules_worker::python::{Settings, Workers};
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A template of about 5 KB.
fn template() -> Value {
    let env = |prefix: &str| -> Vec<Value> {
        (0..36).map(|i| json!({"name": format!("{prefix}_VARIABLE_{i}"), "value": format!("some value of usual length {i}")})).collect()
    };
    json!({
        "metadata": {"namespace": "clearml", "labels": {"app": "clearml"}},
        "spec": {"serviceAccountName": "clearml", "restartPolicy": "Never", "containers": [
            {"name": "task", "image": "nvidia/cuda:12.6.3", "env": env("TASK"), "resources": {"limits": {"cpu": "8"}}},
            {"name": "proxy", "image": "envoyproxy/envoy:v1.31", "env": env("PROXY")},
        ]},
    })
}

/// A task of about 3 KB, a typical size.
fn context() -> Context {
    let parameters: serde_json::Map<String, Value> = (0..20)
        .map(|i| {
            let name = format!("parameter_{i}");
            let item = json!({"section": "Args", "name": name, "value": format!("{i}"), "type": "int"});
            (name, item)
        })
        .collect();
    let task = json!({
        "id": "0a1b2c3d4e5f", "name": "a task", "project": "p", "status": "queued", "type": "training",
        "created": "2026-11-20T10:00:00.123000+00:00", "hyperparams": {"Args": parameters},
        "container": {"image": "ubuntu"}, "script": {"repository": "https://example.com/x.git", "branch": "main"},
    });
    Context::new(task, "7f3c", "train")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/hooks");
    let python = std::env::var_os("PODRULES_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let settings = Settings { python: python.clone(), path: vec![modules], ..Settings::default() };
    let function = Function { module: "good_sets_a_field".into(), name: "update_template".into() };
    let hook = Hook { function, timeout: Duration::from_secs(10), span: Span::new(FileId(0), 0, 0) };
    let (template, context) = (template(), context());
    let text = template.to_string();

    let (mut first, mut bare_python) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let start = Instant::now();
        let workers = Workers::new(settings.clone());
        workers.call(&hook, &template, &context).template.expect("the hook works");
        first.push(start.elapsed());
        let start = Instant::now();
        Command::new(&python).args(["-c", "pass"]).stdin(Stdio::null()).status().expect("Python runs");
        bare_python.push(start.elapsed());
    }
    let workers = Workers::new(settings);
    let (mut calls, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let start = Instant::now();
        black_box(workers.call(&hook, &template, &context).template.expect("the hook works"));
        calls.push(start.elapsed());
        let start = Instant::now();
        let value: Value = serde_json::from_str(black_box(&text)).expect("JSON");
        black_box(value.to_string());
        bare.push(start.elapsed());
    }
    println!("template of {} bytes, task of {} bytes", text.len(), context.task.to_string().len());
    let (first, bare_python, call, bare) = (median(first), median(bare_python), median(calls), median(bare));
    let ratio = |time: Duration, base: Duration| time.as_secs_f64() / base.as_secs_f64();
    println!("{:42} {:>10} {:>7}   budget", "", "median", "ratio");
    println!("{:42} {:>10.1?} {:>7.2}", "python3 -c pass", bare_python, 1.0);
    println!(
        "{:42} {:>10.1?} {:>7.2}   60 ms",
        "first hook, including Python's start",
        first,
        ratio(first, bare_python)
    );
    println!("{:42} {:>10.1?} {:>7.2}", "bare parse + serialise of the template", bare, 1.0);
    println!("{:42} {:>10.1?} {:>7.2}   300 µs", "hook call, idle worker", call, ratio(call, bare));
}

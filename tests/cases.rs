//! Runs every folder of tests/cases: rules on a template, compared with the expected result.
//!
//! A case has `rules.yaml` and, if needed, `template.yaml`, `task.yaml` and `context.yaml`. The result is `expected.yaml` (the
//! Pod after the rules of both stages, without the assembly) and `expected.txt` (the findings, one per line: severity, code,
//! line:column in rules.yaml, message, help). `UPDATE=1` rewrites both: read the diff before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use podrules::context::Context;
use podrules::diagnostic::{Diagnostic, Diagnostics, Sources};
use podrules::plan;
use podrules::run::Options;
use podrules::source::yaml;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = "
apiVersion: v1
kind: Pod
metadata: {labels: {app: clearml}}
spec:
  containers:
    - name: task
      image: ubuntu:22.04
      env: [{name: CLEARML_API_HOST, value: https://api.clear.ml}]
";

fn yaml_value(path: &Path, default: Value) -> Value {
    let Ok(text) = fs::read_to_string(path) else { return default };
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let file = sources.add(path.display().to_string(), text);
    let mut documents = yaml::read(&sources, file, &mut found);
    assert!(!found.has_errors(), "{}: {:?}", path.display(), found);
    if documents.is_empty() { Value::Null } else { documents.remove(0).to_value() }
}

fn context(folder: &Path) -> Context {
    let task = yaml_value(&folder.join("task.yaml"), json!({"id": "0a1b2c3d", "name": "train", "hyperparams": {}}));
    let given = yaml_value(&folder.join("context.yaml"), json!({}));
    let text = |key: &str, default: &str| given.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    let object = |key: &str| given.get(key).cloned().unwrap_or(json!({})).into();
    let mut context = Context::new(task, &text("queueId", "q1"), &text("queue", "default"));
    context.namespace = text("namespace", "clearml");
    context.config = object("config");
    context.providers = object("providers");
    context.worker = given.get("worker").cloned().unwrap_or(json!({"id": "agent-1"})).into();
    if let Some(Value::Object(env)) = given.get("env") {
        context.env = env.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect();
    }
    context
}

fn line(sources: &Sources, d: &Diagnostic) -> String {
    let at = d.primary.as_ref().map_or("-".to_owned(), |label| {
        let at = sources.position(label.span);
        format!("{}:{}", at.line, at.column)
    });
    let mut line = format!("{} {} {at} {}", d.severity.word(), d.code.as_str(), d.message);
    if let Some(help) = &d.help {
        let _ = write!(line, " | {help}");
    }
    line
}

/// The result of a case: the Pod, if there is one, and the report.
fn run(folder: &Path) -> (Option<Value>, String) {
    let mut sources = Sources::new();
    let rules = fs::read_to_string(folder.join("rules.yaml")).expect("a case needs rules.yaml");
    let file = sources.add("rules.yaml", rules);
    let mut found = Diagnostics::new();
    let plan = plan::compile(&sources, None, &[file], &mut found);
    found.sort();
    let mut report: Vec<String> = found.iter().map(|d| line(&sources, d)).collect();
    if found.has_errors() {
        return (None, report.join("\n") + "\n");
    }
    let mut parsed = Sources::new();
    let default = parsed.add("default", TEMPLATE);
    let default = yaml::read(&parsed, default, &mut Diagnostics::new()).remove(0).to_value();
    let template = yaml_value(&folder.join("template.yaml"), default);
    let outcome = plan.run_rules(template, &context(folder), Options { trace: true, ..Default::default() });
    report.extend(outcome.warnings.iter().map(|d| line(&sources, d)));
    for trace in &outcome.rules {
        let name = &plan.rules[trace.rule as usize].name;
        report.extend(trace.log.iter().map(|text| format!("log {name}: {text}")));
        match &trace.status {
            podrules::run::Status::Applied | podrules::run::Status::Failed(_) => {}
            podrules::run::Status::Audited(changes) => {
                report.extend(changes.iter().map(|c| format!("audit {name}: {} {}", c.what, c.at)));
            }
            podrules::run::Status::Skipped(reason) => report.push(format!("skipped {name}: {reason:?}")),
        }
    }
    for companion in &outcome.companions {
        report.push(format!("companion {:?} {}", companion.lifetime, companion.manifest));
    }
    if let Some(failure) = &outcome.failure {
        report.push(line(&sources, failure));
        return (None, report.join("\n") + "\n");
    }
    (Some(outcome.pod), if report.is_empty() { String::new() } else { report.join("\n") + "\n" })
}

fn folders(root: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root).expect("a folder of cases").flatten() {
        let path = entry.path();
        if path.join("rules.yaml").exists() {
            into.push(path);
        } else if path.is_dir() {
            folders(&path, into);
        }
    }
}

#[test]
fn every_case_has_its_expected_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = Vec::new();
    folders(&root, &mut cases);
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for case in &cases {
        let name = case.strip_prefix(&root).unwrap().display().to_string();
        let (pod, report) = run(case);
        let (pod_file, report_file) = (case.join("expected.yaml"), case.join("expected.txt"));
        let expected = pod_file.exists().then(|| yaml_value(&pod_file, Value::Null));
        // Compared as text: the order of keys is guaranteed.
        let text = |v: &Option<Value>| v.as_ref().map(|v| serde_json::to_string_pretty(v).unwrap());
        if std::env::var_os("UPDATE").is_some() {
            let _ = fs::remove_file(&report_file);
            // A Pod that is the same stays as somebody has formatted it.
            if text(&pod) != text(&expected) {
                let _ = fs::remove_file(&pod_file);
                if let Some(pod) = &pod {
                    fs::write(&pod_file, podrules::output::to_yaml(pod)).unwrap();
                }
            }
            if !report.is_empty() {
                fs::write(&report_file, &report).unwrap();
            }
            continue;
        }
        if text(&pod) != text(&expected) {
            let _ = writeln!(
                wrong,
                "{name}: Pod\n  got      {}\n  expected {}",
                text(&pod).unwrap_or_default(),
                text(&expected).unwrap_or_default()
            );
        }
        let expected = fs::read_to_string(&report_file).unwrap_or_default();
        if report != expected {
            let _ = writeln!(wrong, "{name}: report\n  got\n{report}\n  expected\n{expected}");
        }
    }
    assert!(wrong.is_empty(), "{} cases in total\n{wrong}", cases.len());
}

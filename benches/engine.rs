//! The engine's budgets, as ratios to a bare parse and serialisation of the same Pod, measured alternately in one run:
//! ratios are comparable between machines, absolute times aren't. docs/performance.md lists the budgets.

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use podrules::context::Context;
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::plan::{self, Plan};
use podrules::run::Options;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A Pod of about 5 KB with two containers.
fn pod() -> Value {
    let env = |prefix: &str| -> Vec<Value> {
        (0..18).map(|i| json!({"name": format!("{prefix}_VARIABLE_{i}"), "value": format!("some value of usual length {i}")})).collect()
    };
    let mounts: Vec<Value> = (0..6)
        .map(|i| json!({"name": format!("volume-{i}"), "mountPath": format!("/mnt/data/{i}"), "readOnly": true}))
        .collect();
    let volumes: Vec<Value> = (0..6)
        .map(|i| json!({"name": format!("volume-{i}"), "persistentVolumeClaim": {"claimName": format!("claim-{i}")}}))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "clearml-id-0a1b2c3d", "namespace": "clearml", "labels": {"app": "clearml", "team": "vision"},
            "annotations": {"example.com/owner": "somebody@example.com"}},
        "spec": {
            "serviceAccountName": "clearml", "restartPolicy": "Never", "volumes": volumes,
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [
                {"name": "task", "image": "nvidia/cuda:12.6.3", "env": env("TASK"), "volumeMounts": mounts,
                 "resources": {"limits": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": 1}}},
                {"name": "proxy", "image": "envoyproxy/envoy:v1.31", "env": env("PROXY")},
            ],
        },
    })
}

/// Rules that each add a variable to both containers.
fn rules(count: usize, queue: impl Fn(usize) -> String) -> String {
    let mut text = String::from("apiVersion: podrules.io/v1\nkind: Rules\nrules:\n");
    for i in 0..count {
        text.push_str(&format!(
            "  - name: rule-{i}\n    queues: [{}]\n    do:\n      - setEnv: {{vars: {{ADDED_{i}: \"value {i}\"}}, containers: all}}\n",
            queue(i)
        ));
    }
    text
}

fn compile(text: &str) -> Plan {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let file = sources.add("rules.yaml", text);
    let plan = plan::compile(&sources, None, &[file], &mut found);
    assert!(found.is_empty(), "{found:?}");
    plan
}

fn one(body: &str) -> Plan {
    compile(&format!("apiVersion: podrules.io/v1\nkind: Rules\nrules:\n  - name: one\n{body}"))
}

/// The median time of one call, in microseconds.
fn time(mut work: impl FnMut()) -> f64 {
    let once = Instant::now();
    work();
    let calls = (2_000_000 / once.elapsed().as_nanos().max(1)).clamp(1, 2_000) as u32;
    let start = Instant::now();
    (0..calls).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / f64::from(calls) / 1_000.0
}

struct Case<'c> {
    name: &'static str,
    budget: &'static str,
    work: Box<dyn FnMut() + 'c>,
    samples: Vec<f64>,
}

fn main() {
    let text = pod().to_string();
    let template = pod();
    let task = json!({"id": "0a1b2c3d", "name": "train", "hyperparams": {"Args": {"scratch": {"value": "yes"}}}});
    let context = Context::new(task, "q1", "train");
    let (untraced, traced) = (Options::default(), Options { trace: true, ..Default::default() });

    let train = |_: usize| "train".to_owned();
    let plans: Vec<Plan> = [1, 10, 100, 500].into_iter().map(|n| compile(&rules(n, train))).collect();
    let many =
        compile(&rules(10_000, |i| if i % 1_000 == 0 { "train".into() } else { format!("queue-{}", i % 1_000) }));
    let condition = one(
        "    when: task.param(\"Args/scratch\") == \"no\" && queue.name == \"train\"\n    do: [{set: {path: $.a, value: 1}}]\n",
    );
    let nothing = one("    queues: [other]\n    do: [{set: {path: $.a, value: 1}}]\n");
    let script = one("    do:\n      - script: pod.spec.containers[0].imagePullPolicy = \"Always\";\n");
    let large = rules(400, train);

    println!("Pod of {} bytes; {} rules are {} KB", text.len(), 400, large.len() / 1_000);
    let run = |plan: &Plan, options: Options| {
        black_box(plan.run_rules(black_box(template.clone()), &context, options).pod);
    };
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut add = |name, budget, work| cases.push(Case { name, budget, work, samples: Vec::new() });
    add(
        "bare parse + serialise",
        "1",
        Box::new(|| {
            let value: Value = serde_json::from_str(black_box(&text)).expect("JSON");
            black_box(value.to_string());
        }),
    );
    add(
        "clone of the template (part of each run below)",
        "",
        Box::new(|| drop(black_box(black_box(&template).clone()))),
    );
    add("no matching rule", "", Box::new(|| run(&nothing, untraced)));
    add("1 matching rule", "", Box::new(|| run(&plans[0], untraced)));
    add("10 matching rules", "10 us without the clone", Box::new(|| run(&plans[1], untraced)));
    add("10 matching rules, traced", "", Box::new(|| run(&plans[1], traced)));
    add("100 matching rules", "", Box::new(|| run(&plans[2], untraced)));
    add("500 matching rules", "500 us without the clone", Box::new(|| run(&plans[3], untraced)));
    add("10 matching of 10,000 rules over 1,000 queues", "as 10 matching", Box::new(|| run(&many, untraced)));
    add("a condition that is false", "", Box::new(|| run(&condition, untraced)));
    add("a script that sets a field", "", Box::new(|| run(&script, untraced)));
    add(
        "JSON in to JSON out, 10 rules",
        "2",
        Box::new(|| {
            let value: Value = serde_json::from_str(black_box(&text)).expect("JSON");
            black_box(plans[1].run_rules(value, &context, untraced).pod.to_string());
        }),
    );
    add("compile 400 rules", "10,000 us for 50 KB", Box::new(|| drop(black_box(compile(&large)))));

    // An argument selects cases; the first is always measured, for the ratio.
    let only = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let mut first = true;
    cases.retain(|case| {
        std::mem::take(&mut first) || only.as_ref().is_none_or(|word| case.name.contains(word.as_str()))
    });
    for _ in 0..31 {
        for case in &mut cases {
            case.samples.push(time(&mut case.work));
        }
    }
    let median = |samples: &[f64]| {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let bare = median(&cases[0].samples);
    println!("{:<48} {:>10} {:>8}  budget", "", "median us", "ratio");
    for case in &cases {
        let own = median(&case.samples);
        println!("{:<48} {own:>10.2} {:>8.3}  {}", case.name, own / bare, case.budget);
    }
}

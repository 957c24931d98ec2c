//! Checks the documentation: every example in README.md and docs/*.md runs, every link has a target, and every error code,
//! operation and key is described.
//!
//! The contents of a ```` ```yaml ```` block determine what it is: rules, a rule, operations, or Helm values; a Pod, a task or a
//! context is the input of the examples after it on that page. ```` ```rhai ```` is a script. The word `yaml` can be followed by
//! `error=CODE` (compiling or running must report only that), `warn=CODE`, or `ignore`. Rows of a table that begins
//! `| expression | gives |` are evaluated and compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use podrules::context::Context;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources};
use podrules::plan::{self, Plan};
use podrules::pod;
use podrules::read::Record;
use podrules::rules::Rule;
use podrules::run::Options;
use podrules::source::context::ContextFile;
use podrules::source::helm::Values;
use podrules::source::{Kind, Node, yaml};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and all of docs/, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("CHANGELOG.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap().flatten().map(|entry| entry.path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|e| e == "md")));
    pages.sort();
    pages.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// A fenced block: its first line, its info string, and its text.
struct Block {
    line: usize,
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { line: number + 1, info: info.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block isn't closed");
    blocks
}

/// The input of a page's examples.
struct Inputs {
    template: Value,
    task: Value,
    context: ContextFile,
}

impl Inputs {
    fn new() -> Self {
        let template = json!({
            "spec": {"containers": [{"name": "task", "image": "ubuntu:22.04"}]},
        });
        Inputs { template, task: json!({"id": "0a1b2c3d", "name": "train"}), context: ContextFile::default() }
    }

    fn context(&self, queue: &str) -> Context {
        let given = &self.context;
        let name = if queue.is_empty() { given.queue_name.as_deref().unwrap_or("default") } else { queue };
        let mut context = Context::new(self.task.clone(), given.queue_id.as_deref().unwrap_or("q1"), name);
        context.providers = Arc::new(given.providers.clone());
        context.config = Arc::new(given.config.clone());
        context.worker = Arc::new(json!({"id": given.worker_id.as_deref().unwrap_or("agent:0")}));
        context.namespace = given.namespace.clone().unwrap_or_else(|| "clearml".to_owned());
        context
    }
}

fn line(sources: &Sources, d: &Diagnostic) -> String {
    let at = d.primary.as_ref().map_or(String::new(), |label| sources.file_line_column(label.span));
    format!("{}[{}] {at}: {} | {}", d.severity.word(), d.code.as_str(), d.message, d.help.as_deref().unwrap_or(""))
}

fn read(text: &str) -> Vec<Node> {
    let mut sources = Sources::new();
    let file = sources.add("block", text);
    yaml::read(&sources, file, &mut Diagnostics::new())
}

fn indent(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(if line.is_empty() { 0 } else { by }))).collect()
}

const HEAD: &str = "apiVersion: podrules.io/v1\nkind: Rules\nrules:\n";

/// Makes a rules file from rules, a rule, a part of a rule, or operations. `None` if the block is something else.
fn rules_file(text: &str, first: &Node) -> Option<String> {
    match &first.kind {
        Kind::Map(_) if first.get("kind").and_then(Node::as_str) == Some("Rules") => Some(text.to_owned()),
        Kind::Map(entries) if entries.iter().all(|(key, _)| Rule::KEYS.contains(&key.value.as_str())) => {
            let name = if first.get("name").is_some() { "" } else { "  name: example\n" };
            let work = first.get("do").is_some() || first.get("companions").is_some();
            let work = if work { "" } else { "  do: [{set: {path: $.metadata.annotations.done, value: done}}]\n" };
            Some(format!("{HEAD}-\n{name}{}{work}", indent(text, 2)))
        }
        Kind::List(items) if items.iter().all(|item| item.get("name").is_some()) => {
            Some(format!("{HEAD}{}", indent(text, 2)))
        }
        Kind::List(_) => Some(format!("{HEAD}- name: example\n  do:\n{}", indent(text, 4))),
        _ => None,
    }
}

/// Runs a plan and adds all findings. If `complete`, the Pod must be one that Kubernetes accepts.
fn run(plan: &Plan, template: Value, context: &Context, found: &mut Vec<Diagnostic>) -> Value {
    let outcome = plan.run(template, context, Options { trace: true, ..Default::default() });
    found.extend(outcome.warnings);
    let failed = outcome.failure.is_some();
    found.extend(outcome.failure);
    if !failed {
        found.extend(pod::check::check(&outcome.pod).into_iter().map(|finding| {
            let mut d = Diagnostic::new(finding.code, format!("{}: {}", finding.at, finding.message));
            d.severity = finding.severity;
            d
        }));
    }
    outcome.pod
}

/// Runs a block. Returns the findings, with their codes and as text.
fn try_block(block: &Block, text: &str, inputs: &mut Inputs) -> Result<Vec<(Code, Severity, String)>, String> {
    let documents = read(text);
    let first = documents.first();
    let keys: Vec<&str> =
        first.map(|f| f.entries().iter().map(|(k, _)| k.value.as_str()).collect()).unwrap_or_default();
    let mut sources = Sources::new();
    let mut found = Diagnostics::new();
    if first.is_some_and(|f| f.get("kind").and_then(Node::as_str) == Some("Pod")) {
        inputs.template = first.unwrap().to_value();
    } else if keys.contains(&"hyperparams") {
        inputs.task = first.unwrap().to_value();
    } else if keys.iter().any(|key| ["agentk8sglue", "clearml", "imageCredentials"].contains(key)) {
        let file = sources.add("values.yaml", text);
        let values = Values::read(&mut sources, &[file], &mut found).ok_or("no values")?;
        let plan = plan::compile(&sources, Some(&values), &[], &mut found);
        let mut found: Vec<Diagnostic> = found.into_vec();
        if !found.iter().any(Diagnostic::is_error) {
            for queue in values.queues() {
                let mut context = inputs.context(&queue.name);
                context.default_image = values.default_image().map(|text| text.value);
                run(&plan, values.template(&queue.name).to_value(), &context, &mut found);
            }
        }
        return Ok(found.iter().map(|d| (d.code, d.severity, line(&sources, d))).collect());
    } else if !keys.is_empty()
        && keys.iter().all(|k| ["queue", "namespace", "worker", "providers", "config"].contains(k))
    {
        let file = sources.add("context.yaml", text);
        inputs.context = ContextFile::read(&sources, file, &mut found).ok_or("no context")?;
    } else {
        let rules = match first {
            Some(first) => {
                rules_file(text, first).ok_or("the block contains neither rules nor operations nor values")?
            }
            None => text.to_owned(),
        };
        let file = sources.add("rules.yaml", rules);
        let plan = plan::compile(&sources, None, &[file], &mut found);
        let mut found: Vec<Diagnostic> = found.into_vec();
        if !found.iter().any(Diagnostic::is_error) {
            run(&plan, inputs.template.clone(), &inputs.context(""), &mut found);
        }
        return Ok(found.iter().map(|d| (d.code, d.severity, line(&sources, d))).collect());
    }
    let _ = block;
    Ok(found.iter().map(|d| (d.code, d.severity, line(&sources, d))).collect())
}

fn check_block(block: &Block, inputs: &mut Inputs) -> Result<(), String> {
    let mut words = block.info.split_whitespace();
    let language = words.next().unwrap_or("");
    let words: Vec<&str> = words.collect();
    let text = match language {
        "yaml" => block.text.clone(),
        "rhai" => format!("- script: |\n{}", indent(&block.text, 4)),
        _ => return Ok(()),
    };
    if words.contains(&"ignore") {
        return Ok(());
    }
    let reported = try_block(block, &text, inputs)?;
    let wanted = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let all = || reported.iter().map(|(_, _, line)| format!("    {line}\n")).collect::<String>();
    let expected = match (wanted("error="), wanted("warn=")) {
        (Some(code), _) => Some((code, Severity::Error)),
        (_, Some(code)) => Some((code, Severity::Warning)),
        _ => None,
    };
    match expected {
        None if reported.is_empty() => Ok(()),
        None => Err(format!("says\n{}", all())),
        Some((code, severity)) => {
            let fits = |(c, s, _): &(Code, Severity, String)| c.as_str() == code && *s == severity;
            if !reported.is_empty() && reported.iter().all(fits) {
                Ok(())
            } else {
                Err(format!("not {code}, but\n{}", all()))
            }
        }
    }
}

#[test]
fn every_example_works_as_documented() {
    let mut wrong = String::new();
    let mut count = 0;
    for (path, page) in pages() {
        let mut inputs = Inputs::new();
        for block in blocks(&page) {
            count += 1;
            if let Err(why) = check_block(&block, &mut inputs) {
                let _ = writeln!(wrong, "{}:{}: {why}", path.display(), block.line);
            }
        }
    }
    assert!(wrong.is_empty(), "{count} blocks in total\n{wrong}");
}

/// The cells of a table row, without code marks and escapes.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{1}");
    row.split('|').map(|cell| cell.replace('\u{1}', "|").trim().to_owned()).collect()
}

fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_expression_gives_the_documented_value() {
    let mut wrong = String::new();
    let mut count = 0;
    for (path, page) in pages() {
        let mut inputs = Inputs::new();
        for block in blocks(&page) {
            let _ = check_block(&block, &mut inputs);
        }
        let mut inside = false;
        for (number, row) in page.lines().enumerate() {
            if !row.starts_with('|') {
                inside = false;
            } else if row.starts_with("| expression | gives |") {
                inside = true;
            } else if inside && !row.starts_with("|-") {
                let cells = cells(row);
                let (Some(expression), Some(gives)) = (code(&cells[0]), code(&cells[1])) else {
                    let _ = writeln!(wrong, "{}:{}: not in code marks", path.display(), number + 1);
                    continue;
                };
                count += 1;
                let got = evaluate(expression, &inputs);
                let wanted: Value = read(gives).first().map_or(Value::Null, Node::to_value);
                if got != Ok(wanted) {
                    let _ = writeln!(wrong, "{}:{}: {expression} gives {got:?}", path.display(), number + 1);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "of {count}:\n{wrong}");
}

/// Evaluates an expression. It is wrapped in a list, which can hold `()`; a Pod's field can't be set to it.
fn evaluate(expression: &str, inputs: &Inputs) -> Result<Value, String> {
    let operation = json!([{"set": {"path": "$.metadata.annotations.x", "value": format!("${{[{expression}]}}")}}]);
    let mut sources = Sources::new();
    let file = sources
        .add("rules.yaml", format!("{HEAD}- name: example\n  env: []\n  do: {operation}\n").replace("  env: []\n", ""));
    let mut found = Diagnostics::new();
    let plan = plan::compile(&sources, None, &[file], &mut found);
    if let Some(d) = found.iter().next() {
        return Err(line(&sources, d));
    }
    let outcome = plan.run_rules(inputs.template.clone(), &inputs.context(""), Options::default());
    match outcome.failure {
        Some(d) => Err(line(&sources, &d)),
        None => Ok(outcome.pod["metadata"]["annotations"]["x"][0].clone()),
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn anchors(page: &str) -> BTreeSet<String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_has_a_target() {
    let mut wrong = String::new();
    for (path, page) in pages() {
        let mut fenced = false;
        for (number, line) in page.lines().enumerate() {
            fenced ^= line.trim_start().starts_with("```");
            for part in line.split("](").skip(1).filter(|_| !fenced) {
                let target = part.split(')').next().unwrap_or("");
                if target.contains("://") {
                    continue;
                }
                let (file, heading) = target.split_once('#').map_or((target, None), |(f, h)| (f, Some(h)));
                let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                let there = match heading {
                    _ if !file.exists() => false,
                    Some(heading) => anchors(&fs::read_to_string(&file).unwrap_or_default()).contains(heading),
                    None => true,
                };
                if !there {
                    let _ = writeln!(wrong, "{}:{}: {target}", path.display(), number + 1);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_is_documented() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let mut explained = BTreeSet::new();
    for section in page.split("\n### ").skip(1) {
        let (name, text) = section.split_once('\n').unwrap();
        let severity = if text.trim_start().starts_with("Warning.") { Severity::Warning } else { Severity::Error };
        let code =
            Code::ALL.iter().find(|code| code.as_str() == name).unwrap_or_else(|| panic!("there is no code {name}"));
        assert_eq!(code.severity(), severity, "the page's severity of {name}");
        assert!(explained.insert(name), "{name} is listed twice");
    }
    let missing: Vec<&str> = Code::ALL.iter().map(|c| c.as_str()).filter(|name| !explained.contains(name)).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
}

#[test]
fn every_operation_and_key_is_documented() {
    let page = fs::read_to_string(root().join("docs/language.md")).unwrap();
    let mut wrong = String::new();
    for operation in podrules::op::ALL {
        let Some((_, section)) = page.split_once(&format!("\n### {}\n", operation.name)) else {
            let _ = writeln!(wrong, "no section {}", operation.name);
            continue;
        };
        let section = section.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
        for key in operation.keys {
            if !section.contains(&format!("`{key}`")) {
                let _ = writeln!(wrong, "{}: no key {key}", operation.name);
            }
        }
        if let Some((function, _)) = operation.function
            && !section.contains(&format!("`{function}("))
        {
            let _ = writeln!(wrong, "{}: the function {function}(…) is missing", operation.name);
        }
    }
    for section in page.split("\n## Operations").nth(1).unwrap().split("\n## ").next().unwrap().split("\n### ").skip(1)
    {
        let name = section.lines().next().unwrap();
        if !podrules::op::ALL.iter().any(|operation| operation.name == name) {
            let _ = writeln!(wrong, "there is no operation {name}");
        }
    }
    for key in Rule::KEYS {
        if !page.contains(&format!("| `{key}` |")) {
            let _ = writeln!(wrong, "no key {key} of a rule");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

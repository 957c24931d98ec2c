//! Arguments to everything a render needs. Every file is read, and its mistakes gathered, before anything is given up.

use super::arguments::Inputs;
use super::{Exit, input};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, did_you_mean};
use crate::plan::{self, Plan};
use crate::run::Context;
use crate::source::context::ContextFile;
use crate::source::helm::Installation;
use crate::source::{self, MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES, Node, hocon, json, yaml};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stopped the loading; the findings that led to it are with the caller.
pub struct Stopped(pub Exit);

/// The files to read.
struct Files {
    values: Vec<PathBuf>,
    rules: Vec<PathBuf>,
    task: Option<PathBuf>,
    context: Option<PathBuf>,
}

/// Reads and compiles everything. Findings, warnings too, go to `found`.
pub fn load(inputs: &Inputs, sources: &mut Sources, found: &mut Diagnostics) -> Result<Parts, Stopped> {
    let files = files(inputs, found).ok_or(Stopped(Exit::Input))?;
    let all = files.values.iter().chain(&files.rules).chain(&files.task).chain(&files.context).chain(&inputs.config);
    if all.filter(|path| input::is_stdin(path)).count() > 1 {
        found.push(Diagnostic::new(Code::Usage, "standard input (`-`) can be only one of the files"));
        return Err(Stopped(Exit::Usage));
    }
    let Some(task_file) = &files.task else {
        let missing = Diagnostic::new(Code::Usage, "which task? none is given");
        found.push(missing.help("give its JSON with -t: the answer of tasks.get_by_id, or the task in it"));
        return Err(Stopped(Exit::Usage));
    };
    let values = read_all(&files.values, MAX_VALUES_BYTES, sources, found);
    let rules = read_all(&files.rules, MAX_RULES_BYTES, sources, found);
    let task = read_one(task_file, MAX_TASK_BYTES, sources, found);
    let context_file = files.context.as_ref().map(|path| read_one(path, MAX_VALUES_BYTES, sources, found));
    let config: Option<Option<FileId>> =
        inputs.config.as_ref().map(|path| read_one(path, MAX_VALUES_BYTES, sources, found));
    if found.has_errors() {
        return Err(Stopped(Exit::Input));
    }
    let installation = Installation::read(sources, &values, found)
        .map(|installation| installation.with_release(inputs.release.as_deref(), inputs.namespace.as_deref()));
    let plan = plan::compile(sources, installation.as_ref(), &rules, found);
    let task = task.and_then(|file| task_value(sources, file, found));
    let context_file =
        context_file.flatten().and_then(|file| ContextFile::read(sources, file, found)).unwrap_or_default();
    let named = context_file.config_file.as_ref().zip(files.context.as_ref()).map(|(name, beside)| {
        let path = beside.parent().unwrap_or(Path::new(".")).join(&name.value);
        read_one(&path, MAX_VALUES_BYTES, sources, found)
    });
    let config = match config.or(named) {
        Some(file) => file.and_then(|file| config_value(sources, file, found)),
        None => Some(context_file.config.clone()),
    };
    let (Some(installation), Some(task), Some(config)) = (installation, task, config) else {
        return Err(Stopped(Exit::Mistakes));
    };
    let queue = queue(inputs, &installation, &context_file, found).ok_or(Stopped(Exit::Usage))?;
    if found.has_errors() {
        return Err(Stopped(Exit::Mistakes));
    }
    // The agent will see its extraEnvs; what they don't set may come from the environment of this process.
    let given = installation.environment().into_iter().map(|(name, value)| (name.value, value.value));
    let listed = plan.sets.iter().flat_map(|set| &set.env);
    let own = listed.clone().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)));
    let environment = own.chain(given.filter(|(name, _)| listed.clone().any(|wanted| wanted == name)));
    let namespace = inputs.namespace.clone().or_else(|| context_file.namespace.clone());
    let mut context = Context::new(task, context_file.queue_id.as_deref().unwrap_or(""), &queue);
    context.providers = Arc::new(context_file.providers.clone());
    context.config = Arc::new(config);
    context.worker = Arc::new(json!({"id": context_file.worker_id.as_deref().unwrap_or("")}));
    context.env = environment.collect();
    context.default_image = installation.default_image().map(|text| text.value);
    let template = installation.template(&queue);
    let own = template.get_path(&["metadata", "namespace"]).and_then(Node::as_str);
    context.namespace = namespace.or_else(|| own.map(str::to_owned)).unwrap_or_else(|| "default".to_owned());
    Ok(Parts { installation, plan, context, template })
}

/// What [`load`] gives beside the sources.
pub struct Parts {
    /// The values.
    pub installation: Installation,
    /// The rules.
    pub plan: Plan,
    /// The task and what is known of it.
    pub context: Context,
    /// The queue's template.
    pub template: Node,
}

fn files(inputs: &Inputs, found: &mut Diagnostics) -> Option<Files> {
    let mut files = Files { values: Vec::new(), rules: Vec::new(), task: None, context: None };
    if let Some(folder) = &inputs.folder {
        if !folder.is_dir() {
            let message = format!("{} is not a folder", folder.display());
            found.push(Diagnostic::new(Code::Input, message).help("values files are given with -f, rules with -r"));
            return None;
        }
        let there = |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        files.values.extend(there(&["values.yaml", "values.yml"]));
        if folder.join("rules").is_dir() {
            files.rules.push(folder.join("rules"));
        }
        files.rules.extend(there(&["rules.yaml", "rules.yml"]));
        files.task = there(&["task.json", "task.yaml"]);
        files.context = there(&["context.yaml", "context.yml", "context.json"]);
        if files.values.is_empty() && files.rules.is_empty() && files.task.is_none() {
            let message = format!("{} holds neither values.yaml nor rules nor task.json", folder.display());
            found.push(Diagnostic::new(Code::Input, message));
            return None;
        }
    }
    files.values.extend(inputs.values.iter().cloned());
    files.rules.extend(inputs.rules.iter().cloned());
    files.task = inputs.task.clone().or(files.task);
    files.context = inputs.context.clone().or(files.context);
    let mut rules = Vec::new();
    for path in &files.rules {
        match input::yaml_files(path) {
            Ok(more) => rules.extend(more),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    files.rules = rules;
    (!found.has_errors()).then_some(files)
}

fn read_all(paths: &[PathBuf], most: usize, sources: &mut Sources, found: &mut Diagnostics) -> Vec<FileId> {
    paths.iter().filter_map(|path| read_one(path, most, sources, found)).collect()
}

fn read_one(path: &Path, most: usize, sources: &mut Sources, found: &mut Diagnostics) -> Option<FileId> {
    input::read(sources, path, most).map_err(|diagnostic| found.push(diagnostic)).ok()
}

/// A task in JSON, or in YAML for people who write one by hand.
fn task_value(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let text = sources.text(file).trim_start();
    let value = if text.starts_with(['{', '[']) || text.is_empty() {
        json::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()?
    } else {
        yaml::read(sources, file, found).into_iter().next()?.to_value()
    };
    source::task(value).map_err(|diagnostic| found.push(diagnostic)).ok()
}

/// A configuration in JSON, YAML or HOCON, by what its name says.
fn config_value(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let name = sources.name(file);
    if name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json") {
        return Some(yaml::read(sources, file, found).into_iter().next().map_or(json!({}), |node| node.to_value()));
    }
    hocon::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()
}

fn queue(
    inputs: &Inputs,
    installation: &Installation,
    context: &ContextFile,
    found: &mut Diagnostics,
) -> Option<String> {
    let queues = installation.queues();
    let names: Vec<&str> = queues.iter().map(|q| q.name.as_str()).collect();
    if let Some(name) = inputs.queue.clone().or_else(|| context.queue_name.clone()) {
        if !names.contains(&name.as_str()) {
            let unknown = Diagnostic::new(Code::UnknownQueue, format!("the values have no queue `{name}`"));
            found.push(match did_you_mean(&name, names.iter().copied()) {
                Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                None => unknown.help(format!("they have {}", names.join(", "))),
            });
        }
        return Some(name);
    }
    match names.as_slice() {
        [only] => Some((*only).to_owned()),
        _ => {
            let message = format!("which queue? the values have {}", names.join(", "));
            let example = names.first().copied().unwrap_or("default");
            found.push(Diagnostic::new(Code::Queue, message).help(format!("name one: -q {example}")));
            None
        }
    }
}

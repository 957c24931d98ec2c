//! Arguments to everything a render needs. Every file is read, and its mistakes gathered, before anything is given up.

use super::arguments::Inputs;
use super::setting::{Given, Read, Setting};
use super::{Exit, input};
use podrules::context::Context;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources};
use podrules::plan::Plan;
use podrules::source::helm::Values;
use podrules::source::{self, MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES, Node, hocon, json, yaml};
use podrules_worker::python::Workers;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stopped the loading; the findings that led to it are with the caller.
pub struct Stopped(pub Exit);

/// The files to read.
pub struct Files {
    values: Vec<PathBuf>,
    rules: Vec<PathBuf>,
    task: Option<PathBuf>,
    /// The context file.
    pub context: Option<PathBuf>,
}

/// Reads and compiles everything. Findings, warnings too, go to `found`.
pub fn load(inputs: &Inputs, sources: &mut Sources, found: &mut Diagnostics) -> Result<Parts, Stopped> {
    load_within(inputs, "default", sources, found)
}

/// The same; a Pod of which nothing says its namespace gets the one given here.
pub fn load_within(
    inputs: &Inputs,
    namespace: &str,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Parts, Stopped> {
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
    let read = Read { values, rules, context: context_file.flatten(), config };
    let setting = Setting::new(read, Given::of(inputs, &files), sources, found);
    let task = task.and_then(|file| task_value(sources, file, found));
    let (Some(mut setting), Some(task)) = (setting, task) else { return Err(Stopped(Exit::Mistakes)) };
    let queue = setting.queue(inputs.queue.as_deref(), found).ok_or(Stopped(Exit::Usage))?;
    if found.has_errors() {
        return Err(Stopped(Exit::Mistakes));
    }
    if inputs.no_hook {
        setting.plan.values_hook = None;
    }
    let (template, context) = setting.of_task(task, &queue, namespace);
    Ok(Parts { installation: setting.installation, plan: setting.plan, workers: setting.workers, context, template })
}

/// What [`load`] gives beside the sources.
pub struct Parts {
    /// The values.
    pub installation: Values,
    /// The rules.
    pub plan: Plan,
    /// What runs Python hooks.
    pub workers: Workers,
    /// The task and what is known of it.
    pub context: Context,
    /// The queue's template.
    pub template: Arc<Node>,
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
    files.rules = rules_files(&files.rules, found);
    (!found.has_errors()).then_some(files)
}

/// The rules files that were named, those of folders too.
pub fn rules_files(given: &[PathBuf], found: &mut Diagnostics) -> Vec<PathBuf> {
    let mut rules = Vec::new();
    for path in given {
        match input::yaml_files(path) {
            Ok(more) => rules.extend(more),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    rules
}

/// Reads several files.
pub fn read_all(paths: &[PathBuf], most: usize, sources: &mut Sources, found: &mut Diagnostics) -> Vec<FileId> {
    paths.iter().filter_map(|path| read_one(path, most, sources, found)).collect()
}

/// Reads a file.
pub fn read_one(path: &Path, most: usize, sources: &mut Sources, found: &mut Diagnostics) -> Option<FileId> {
    input::read(sources, path, most).map_err(|diagnostic| found.push(diagnostic)).ok()
}

/// A task in JSON, or in YAML for people who write one by hand.
pub fn task_value(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let text = sources.text(file).trim_start();
    let value = if text.starts_with(['{', '[']) || text.is_empty() {
        json::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()?
    } else {
        yaml::read(sources, file, found).into_iter().next()?.to_value()
    };
    source::task(value).map_err(|diagnostic| found.push(diagnostic)).ok()
}

/// A configuration in JSON, YAML or HOCON, by what its name says.
pub fn config_value(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let name = sources.name(file);
    if name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json") {
        return Some(yaml::read(sources, file, found).into_iter().next().map_or(json!({}), |node| node.to_value()));
    }
    hocon::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()
}

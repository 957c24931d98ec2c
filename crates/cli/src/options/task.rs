//! An installation and one task: the arguments of render, explain and apply, and everything that a render needs.

use super::rules::rules_files;
use super::{ContextOptions, HookOptions, INPUTS, RulesOptions};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Files, is_stdin};
use clap::Args;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Sources};
use podrules::installation::{Draft, Inputs, Installation, Prepared};
use podrules_worker::python::Workers;
use std::path::PathBuf;

/// Where an installation and a task are read from.
#[derive(Debug, Args)]
#[command(next_help_heading = INPUTS)]
pub struct TaskOptions {
    /// A folder with values.yaml, rules/*.yaml, task.json and context.yaml, or some of them
    #[arg(help_heading = None::<&str>)]
    pub folder: Option<PathBuf>,
    /// Values and rules
    #[command(flatten)]
    pub rules: RulesOptions,
    /// The queue's name; not needed if the values have one queue
    #[arg(short, long, value_name = "NAME")]
    pub queue: Option<String>,
    /// The task: JSON or YAML, bare or a full response of tasks.get_by_id
    #[arg(short, long, value_name = "FILE")]
    pub task: Option<PathBuf>,
    /// What else is known
    #[command(flatten)]
    pub context: ContextOptions,
    /// The namespace of the Pod
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The agent's Helm release, from which the chart derives the names of its ServiceAccount and Secrets; clearml-agent by default
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
}

/// Everything that a render needs.
pub struct Loaded {
    /// Values and rules.
    pub installation: Installation,
    /// The task with its queue's template.
    pub task: Prepared,
    /// Run Python hooks.
    pub workers: Workers,
    /// Warnings so far.
    pub found: Diagnostics,
}

/// The files to read.
#[derive(Default)]
struct Paths {
    values: Vec<PathBuf>,
    rules: Vec<PathBuf>,
    task: Option<PathBuf>,
    context: Option<PathBuf>,
}

impl TaskOptions {
    /// Reads and compiles everything. If nothing else says its namespace, the Pod gets `fallback`.
    ///
    /// # Errors
    /// All mistakes of all files together.
    pub fn load(&self, hooks: &HookOptions, fallback: &str) -> Result<Loaded, Failure> {
        let mut found = Diagnostics::new();
        let paths = self.paths(&mut found);
        let Some(paths) = paths.filter(|_| !found.has_errors()) else {
            return Err(Failure { exit: Exit::Input, found, sources: Sources::new() });
        };
        let task_file = self.task_file(&paths)?;
        let inputs = Inputs {
            values: Some(paths.values),
            rules: paths.rules,
            context: paths.context,
            config: self.context.config.clone(),
            namespace: self.namespace.clone(),
            release: self.release.clone(),
            ..Inputs::default()
        };
        let mut draft = Draft::read(&inputs, &mut Files, found);
        let task = draft.read_task(&task_file, &mut Files);
        if hooks.no_hook {
            draft.plan.values_hook = None;
        }
        let workers = hooks.python.workers(draft.values.as_ref(), &draft.sources, &mut draft.found);
        let queue = draft.queue(self.queue.as_deref());
        let undecided = queue.is_err();
        let queue = queue.map_err(|which| {
            let example = draft.values.as_ref().and_then(|values| values.queues().first());
            let example = example.map_or("default", |queue| &queue.name);
            draft.found.push(which.help(format!("name one: -q {example}")));
        });
        let finished = draft.finish().map_err(|mistakes| Failure::from(mistakes).or_usage(undecided));
        let installation = finished?;
        // Without a task or a queue the draft has a mistake.
        let (Some(task), Ok(queue)) = (task, queue) else {
            return Err(Failure::usage(Diagnostic::new(Code::Usage, "no task given")));
        };
        let mut found = installation.warnings().clone();
        found.extend(queue.warning);
        let task = installation.prepare(task, &queue.name, fallback);
        Ok(Loaded { installation, task, workers, found })
    }

    /// The task's file. Standard input can be read only once.
    fn task_file(&self, paths: &Paths) -> Result<PathBuf, Failure> {
        let all = paths.values.iter().chain(&paths.rules).chain(&paths.task).chain(&paths.context);
        if all.chain(&self.context.config).filter(|path| is_stdin(path)).count() > 1 {
            let message = "only one file can be standard input (`-`)";
            return Err(Failure::usage(Diagnostic::new(Code::Usage, message)));
        }
        paths.task.clone().ok_or_else(|| {
            let missing = Diagnostic::new(Code::Usage, "no task given");
            Failure::usage(missing.help("give its JSON with -t: the response of tasks.get_by_id, or the task in it"))
        })
    }

    fn paths(&self, found: &mut Diagnostics) -> Option<Paths> {
        let mut paths = Paths::default();
        if let Some(folder) = &self.folder {
            if !folder.is_dir() {
                let message = format!("{} is not a folder", folder.display());
                found.push(Diagnostic::new(Code::Input, message).help("give values files with -f, rules with -r"));
                return None;
            }
            let there = |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
            paths.values.extend(there(&["values.yaml", "values.yml"]));
            if folder.join("rules").is_dir() {
                paths.rules.push(folder.join("rules"));
            }
            paths.rules.extend(there(&["rules.yaml", "rules.yml"]));
            paths.task = there(&["task.json", "task.yaml"]);
            paths.context = there(&["context.yaml", "context.yml", "context.json"]);
            if paths.values.is_empty() && paths.rules.is_empty() && paths.task.is_none() {
                let message = format!("{} contains neither values.yaml nor rules nor task.json", folder.display());
                found.push(Diagnostic::new(Code::Input, message));
                return None;
            }
        }
        paths.values.extend(self.rules.values.iter().cloned());
        paths.rules.extend(self.rules.rules.iter().cloned());
        paths.task = self.task.clone().or(paths.task);
        paths.context = self.context.context.clone().or(paths.context);
        paths.rules = rules_files(&paths.rules, found);
        Some(paths)
    }
}

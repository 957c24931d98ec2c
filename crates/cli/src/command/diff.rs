//! `podrules diff`: the Pods that a Python hook and rules produce for the same tasks, side by side.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Files;
use crate::logging;
use crate::options::{ContextOptions, INPUTS, PYTHON, PythonOptions, RulesOptions};
use crate::report::{self, Report};
use clap::Args;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use podrules::hook::{self, Function, Hook};
use podrules::installation::{Draft, Inputs, Installation, Prepared, no_rules};
use podrules::output;
use podrules::plan::Plan;
use podrules::run::{Options, Outcome};
use podrules_worker::python::Workers;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Compare the Pods that a Python hook and rules produce for the same tasks
#[derive(Debug, Args)]
#[command(
    after_help = "Example: podrules diff --hook custom_code:update_template -f values.yaml -r rules.yaml --tasks tasks/"
)]
pub struct Diff {
    #[command(flatten)]
    rules: RulesOptions,
    /// The queue of the tasks directly in the folder
    #[arg(short, long, value_name = "NAME", help_heading = INPUTS)]
    queue: Option<String>,
    /// A folder with the JSON of tasks; those in a subfolder belong to the queue of that name
    #[arg(long, value_name = "FOLDER", help_heading = INPUTS)]
    tasks: PathBuf,
    #[command(flatten)]
    context: ContextOptions,
    /// The hook, as module:function; by default the one that the values name
    #[arg(long, value_name = "MODULE:FUNCTION", help_heading = PYTHON)]
    hook: Option<String>,
    #[command(flatten)]
    python: PythonOptions,
}

/// A task's file, and the queue that its folder names.
struct TaskFile {
    path: PathBuf,
    queue: Option<String>,
}

/// The result for one task.
enum Compared {
    /// The Pods are equal.
    Same,
    /// The Pods differ in this.
    Differs(String),
    /// Both sides refuse the task.
    BothFail,
    /// One side refuses it, or its Pod can't be made.
    Failed,
}

/// What is compared: the hook without rules, and the rules without the hook.
struct Sides {
    installation: Installation,
    hook: Plan,
    workers: Workers,
    found: Diagnostics,
}

impl Diff {
    /// Compares all tasks.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let (mut sides, tasks) = self.load()?;
        let (mut text, mut same, mut differ, mut failed) = (String::new(), 0, 0, 0);
        for task in &tasks {
            let name = task.path.display().to_string();
            match sides.compare(task, self.queue.as_deref(), report) {
                Compared::Same => same += 1,
                Compared::BothFail => {
                    same += 1;
                    let _ = writeln!(text, "{name}: both refuse the task");
                }
                Compared::Differs(difference) => {
                    differ += 1;
                    let _ = write!(text, "{name}\n{difference}");
                }
                Compared::Failed => failed += 1,
            }
        }
        let refused = if failed == 0 { String::new() } else { format!(", {failed} refused by only one side") };
        let counted = if tasks.len() == 1 { "1 task".to_owned() } else { format!("{} tasks", tasks.len()) };
        let _ = writeln!(text, "{counted}: {same} alike, {differ} different{refused}");
        let printed = report::print(&text);
        let mistakes = report.show(sides.found, sides.installation.sources());
        printed?;
        Ok(if failed > 0 || differ > 0 {
            Exit::Differ
        } else if mistakes {
            Exit::Mistakes
        } else {
            Exit::Done
        })
    }

    fn load(&self) -> Result<(Sides, Vec<TaskFile>), Failure> {
        let mut found = Diagnostics::new();
        let inputs = Inputs {
            context: self.context.context.clone(),
            config: self.context.config.clone(),
            ..self.rules.inputs(&mut found)
        };
        let tasks = task_files(&self.tasks).unwrap_or_else(|diagnostic| {
            found.push(diagnostic);
            Vec::new()
        });
        let mut draft = Draft::read(&inputs, &mut Files, found);
        let workers = self.python.workers(draft.values.as_ref(), &draft.sources, &mut draft.found);
        let hook = self.hook(&mut draft);
        if hook.is_none() {
            draft.found.push(self.no_hook());
        }
        let finished = draft.finish().map_err(|mistakes| Failure::from(mistakes).or_usage(hook.is_none()));
        let installation = finished?;
        let found = installation.warnings().clone();
        Ok((Sides { installation, hook: no_rules(hook), workers, found }, tasks))
    }

    fn no_hook(&self) -> Diagnostic {
        let message = match &self.hook {
            Some(text) => format!("--hook {text} is not of the form module:function"),
            None => "which hook? the values name none".to_owned(),
        };
        Diagnostic::new(Code::Usage, message).help("name one: --hook custom_code:update_template")
    }

    /// The hook of the command line, or that of the values, which is taken out of the plan.
    fn hook(&self, draft: &mut Draft) -> Option<Hook> {
        let of_values = draft.plan.values_hook.take();
        let Some(text) = &self.hook else { return of_values };
        let file = draft.sources.add("--hook", text.as_str());
        let span = draft.sources.whole(file);
        Function::parse(text).map(|function| Hook { function, timeout: hook::TIMEOUT, span })
    }
}

/// The tasks of a folder, by name: its own files, then those of the folders in it, which are named as queues.
fn task_files(folder: &Path) -> Result<Vec<TaskFile>, Diagnostic> {
    let mut files = files_of(folder, None)?;
    let mut folders: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    for queue in folders {
        let name = queue.file_name().map(|name| name.to_string_lossy().into_owned());
        files.extend(files_of(&queue, name)?);
    }
    if files.is_empty() {
        let message = format!("{} contains no task", folder.display());
        return Err(Diagnostic::new(Code::Input, message).help("a task is a file whose name ends with .json or .yaml"));
    }
    Ok(files)
}

fn files_of(folder: &Path, queue: Option<String>) -> Result<Vec<TaskFile>, Diagnostic> {
    let is_task =
        |path: &PathBuf| path.is_file() && path.extension().is_some_and(|e| e == "json" || e == "yaml" || e == "yml");
    let mut files: Vec<PathBuf> = entries(folder)?.into_iter().filter(is_task).collect();
    files.sort();
    Ok(files.into_iter().map(|path| TaskFile { path, queue: queue.clone() }).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let read = std::fs::read_dir(folder);
    let read =
        read.map_err(|error| Diagnostic::new(Code::Input, format!("{} can't be read: {error}", folder.display())))?;
    Ok(read.flatten().map(|entry| entry.path()).collect())
}

impl Sides {
    /// Makes both Pods of a task. `queue` is that of tasks whose folder names none.
    fn compare(&mut self, task: &TaskFile, queue: Option<&str>, report: Report) -> Compared {
        let name = task.path.display().to_string();
        let before = self.found.errors();
        let value = self.installation.read_task(&task.path, &mut Files, &mut self.found);
        let queue = self.queue(task.queue.as_deref().or(queue));
        let (Some(value), Some(queue)) = (value, queue) else { return Compared::Failed };
        if self.found.errors() > before {
            return Compared::Failed;
        }
        let prepared = self.installation.prepare(value, &queue, "default");
        let hook = run(&self.hook, &prepared, &self.workers);
        let rules = run(self.installation.plan(), &prepared, &self.workers);
        for (outcome, by) in [(&hook, "hook"), (&rules, "rules")] {
            if let Some(mut failure) = outcome.failure.clone() {
                failure.severity = Severity::Warning;
                failure.message = format!("{name}: refused by the {by}: {}", failure.message);
                self.found.push(failure);
            }
        }
        match (hook.failure, rules.failure) {
            (Some(_), Some(_)) => Compared::BothFail,
            (None, None) => compared(&hook.pod, &rules.pod, report),
            _ => Compared::Failed,
        }
    }

    fn queue(&mut self, asked: Option<&str>) -> Option<String> {
        match self.installation.queue(asked) {
            Ok(queue) => {
                self.found.extend(queue.warning);
                Some(queue.name)
            }
            Err(which) => {
                let example = self.installation.queues().first().copied().unwrap_or("default").to_owned();
                self.found.push(which.help(format!("name one: -q {example}")));
                None
            }
        }
    }
}

fn run(plan: &Plan, task: &Prepared, workers: &Workers) -> Outcome {
    let options = Options { hooks: Some(workers), ..Options::default() };
    let outcome = plan.run(task.template.to_value(), &task.context, options);
    logging::log_run(plan, &outcome);
    outcome
}

/// What matters is what Kubernetes reads: the order of keys doesn't.
fn compared(hook: &Value, rules: &Value, report: Report) -> Compared {
    let (hook, rules) = (sorted(hook), sorted(rules));
    if hook == rules {
        return Compared::Same;
    }
    let (hook, rules) = (output::to_yaml(&hook), output::to_yaml(&rules));
    Compared::Differs(output::unified(&hook, &rules, "with the hook", "with the rules", report.colour_data()))
}

/// A value with its keys in order, so that the difference shows only what Kubernetes would see.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

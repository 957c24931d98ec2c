//! `podrules diff`: the Pods that a Python hook and rules make of the same tasks, side by side.

use super::Exit;
use super::arguments::Diff;
use super::load::{read_all, read_one, rules_files, task_value};
use super::render;
use super::report::{self, Report};
use super::setting::{Given, Read, Setting};
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources};
use podrules::hook::{self, Function, Hook};
use podrules::output;
use podrules::plan::{self, Plan};
use podrules::run::{Options, Outcome};
use podrules::source::{MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A task's file, and the queue that its folder names.
struct TaskFile {
    path: PathBuf,
    queue: Option<String>,
}

/// What became of one task.
enum Compared {
    Same,
    Differs(String),
    /// Both refuse the task.
    BothFail,
    /// One of them refuses it, or its Pod can't be made.
    Failed,
}

/// Runs the command.
pub fn run(command: &Diff, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let (setting, hook, tasks) = match load(command, &mut sources, &mut found) {
        Ok(loaded) => loaded,
        Err(exit) => {
            report.show(found, &sources);
            return exit;
        }
    };
    let sides = Sides::new(&setting, hook);
    let (mut text, mut same, mut differ, mut failed) = (String::new(), 0, 0, 0);
    for task in &tasks {
        let name = task.path.display().to_string();
        match sides.compare(task, &setting, command, &mut sources, &mut found, report) {
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
    let refused = if failed == 0 { String::new() } else { format!(", {failed} that only one of them takes") };
    let _ = writeln!(text, "{} tasks: {same} alike, {differ} that differ{refused}", tasks.len());
    let printed = report::print(&text);
    let mistakes = report.show(found, &sources);
    match printed {
        Exit::Done if failed > 0 || differ > 0 => Exit::Differ,
        Exit::Done if mistakes => Exit::Mistakes,
        other => other,
    }
}

fn load(
    command: &Diff,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<(Setting, Hook, Vec<TaskFile>), Exit> {
    let rules = rules_files(&command.rules, found);
    let tasks = task_files(&command.tasks).unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        Vec::new()
    });
    let read = Read {
        values: read_all(&command.values, MAX_VALUES_BYTES, sources, found),
        rules: read_all(&rules, MAX_RULES_BYTES, sources, found),
        context: command.context.as_ref().and_then(|path| read_one(path, MAX_VALUES_BYTES, sources, found)),
        config: command.config.as_ref().map(|path| read_one(path, MAX_VALUES_BYTES, sources, found)),
    };
    if found.has_errors() {
        return Err(Exit::Input);
    }
    let given = Given { context: command.context.as_deref(), namespace: None, release: None, python: &command.python };
    let setting = Setting::new(read, given, sources, found);
    let Some(mut setting) = setting.filter(|_| !found.has_errors()) else { return Err(Exit::Mistakes) };
    let of_values = setting.plan.values_hook.take();
    let hook = match &command.hook {
        Some(text) => {
            let file = sources.add("--hook", text.as_str());
            let span = sources.whole(file);
            Function::parse(text).map(|function| Hook { function, timeout: hook::TIMEOUT, span })
        }
        None => of_values,
    };
    match hook {
        Some(hook) => Ok((setting, hook, tasks)),
        None => {
            let message = match &command.hook {
                Some(text) => format!("--hook {text} is not of the form module:function"),
                None => "which hook? the values name none".to_owned(),
            };
            found.push(Diagnostic::new(Code::Usage, message).help("name one: --hook custom_code:update_template"));
            Err(Exit::Usage)
        }
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
        let message = format!("{} holds no task", folder.display());
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

/// The two ways to the Pod: the hook without rules, the rules without the hook.
struct Sides<'s> {
    hook: Plan,
    rules: &'s Plan,
}

impl<'s> Sides<'s> {
    fn new(setting: &'s Setting, hook: Hook) -> Self {
        let mut only = plan::compile(&Sources::new(), None, &[], &mut Diagnostics::new());
        only.values_hook = Some(hook);
        Sides { hook: only, rules: &setting.plan }
    }

    fn compare(
        &self,
        task: &TaskFile,
        setting: &Setting,
        command: &Diff,
        sources: &mut Sources,
        found: &mut Diagnostics,
        report: Report,
    ) -> Compared {
        let name = task.path.display().to_string();
        let before = found.errors();
        let value =
            read_one(&task.path, MAX_TASK_BYTES, sources, found).and_then(|file| task_value(sources, file, found));
        let queue = setting.queue(task.queue.as_deref().or(command.queue.as_deref()), found);
        let (Some(value), Some(queue)) = (value, queue) else { return Compared::Failed };
        if found.errors() > before {
            return Compared::Failed;
        }
        let (template, context) = setting.of_task(value, &queue, "default");
        let outcomes = [(&self.hook, "the hook refuses"), (self.rules, "the rules refuse")].map(|(plan, refuses)| {
            let options = Options { hooks: Some(&setting.workers), ..Default::default() };
            let outcome = plan.run(template.to_value(), &context, options);
            render::log(&outcome, plan);
            if let Some(mut failure) = outcome.failure.clone() {
                failure.severity = Severity::Warning;
                failure.message = format!("{name}: {refuses} the task: {}", failure.message);
                found.push(failure);
            }
            outcome
        });
        match &outcomes {
            [Outcome { failure: Some(_), .. }, Outcome { failure: Some(_), .. }] => Compared::BothFail,
            [Outcome { failure: None, .. }, Outcome { failure: None, .. }] => {
                // What matters is what Kubernetes reads: the order of keys doesn't.
                let [hook, rules] = outcomes.each_ref().map(|outcome| sorted(&outcome.pod));
                if hook == rules {
                    return Compared::Same;
                }
                let (hook, rules) = (output::to_yaml(&hook), output::to_yaml(&rules));
                Compared::Differs(output::unified(
                    &hook,
                    &rules,
                    "with the hook",
                    "with the rules",
                    report.colour_data(),
                ))
            }
            _ => Compared::Failed,
        }
    }
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

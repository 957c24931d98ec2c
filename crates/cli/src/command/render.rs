//! `podrules render`: the Pod that a task will run in.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging;
use crate::options::{HookOptions, Loaded, OUTPUT, TaskOptions};
use crate::report::{self, Report};
use clap::{Args, ValueEnum};
use podrules::installation::objects;
use podrules::output;
use serde_json::{Value, json};

/// Print the Pod that a task will run in
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules render -f values.yaml -r rules.yaml -q train -t task.json")]
pub struct Render {
    #[command(flatten)]
    task: TaskOptions,
    /// Output format; `diff` compares with the Pod without rules
    #[arg(short, long, value_enum, default_value_t = Format::Yaml, help_heading = OUTPUT)]
    output: Format,
    #[command(flatten)]
    hooks: HookOptions,
}

/// Forms of a rendered Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Companions and the Pod as YAML documents
    Yaml,
    /// The Pod as JSON; a List if there are companions
    Json,
    /// What the rules changed
    Diff,
}

impl Render {
    /// Renders and prints.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let Loaded { installation, task, workers, mut found } = self.task.load(&self.hooks, "default")?;
        let mut rendered = installation.render(task, Some(&workers));
        let outcome = &rendered.outcome;
        tracing::info!(rules = outcome.rules.len(), changes = outcome.changes.len(), "rendered");
        logging::log_run(installation.plan(), outcome);
        found.append(std::mem::take(&mut rendered.findings));
        let mistakes = report.show(found, installation.sources());
        if rendered.outcome.failure.is_some() {
            return Ok(Exit::Mistakes);
        }
        // A Pod that the API server would refuse is shown; the exit code says that it can't be used.
        let as_job = installation.task_as_job();
        report::print(&match self.output {
            Format::Yaml => output::documents(&objects(&rendered.outcome, as_job)),
            Format::Json => format!("{:#}\n", as_json(objects(&rendered.outcome, as_job))),
            Format::Diff => installation.difference(&rendered, as_job, report.colour_data()),
        })?;
        Ok(if mistakes { Exit::Mistakes } else { Exit::Done })
    }
}

/// One object, or a List.
pub fn as_json(mut objects: Vec<Value>) -> Value {
    match objects.len() {
        1 => objects.remove(0),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": objects}),
    }
}

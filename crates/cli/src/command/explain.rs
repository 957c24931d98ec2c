//! `podrules explain`: what each rule did, and what wrote each field of the Pod.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{HookOptions, Loaded, OUTPUT, TaskOptions};
use crate::report::{self, Report};
use clap::{Args, ValueEnum};
use podrules::diagnostic::Diagnostic;

/// Show what each rule did, and what wrote each field of the Pod
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules explain -f values.yaml -r rules.yaml -q train -t task.json")]
pub struct Explain {
    #[command(flatten)]
    task: TaskOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text, help_heading = OUTPUT)]
    output: Format,
    #[command(flatten)]
    hooks: HookOptions,
}

/// Forms of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Human-readable
    Text,
    /// One JSON object
    Json,
}

impl Explain {
    /// Renders and explains.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let Loaded { installation, task, workers, mut found } = self.task.load(&self.hooks, "default")?;
        let mut rendered = installation.render(task, Some(&workers));
        found.append(std::mem::take(&mut rendered.findings));
        let dropped = found.dropped();
        let findings = report.judged(found);
        let explanation = installation.explain(&rendered);
        let text = match self.output {
            Format::Text => explanation.text(report.colour_data()),
            Format::Json => format!("{:#}\n", explanation.data(&findings)),
        };
        let printed = report::print(&text);
        report.show_list(&findings, dropped, installation.sources());
        printed?;
        Ok(if findings.iter().any(Diagnostic::is_error) { Exit::Mistakes } else { Exit::Done })
    }
}

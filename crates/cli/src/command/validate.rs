//! `podrules validate`: all mistakes in rules and values files at once.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Files, yaml_files};
use crate::options::{OUTPUT, PYTHON, PythonOptions, check_hooks};
use crate::report::{self, Report};
use clap::{Args, ValueEnum};
use podrules::diagnostic::{Diagnostic, Diagnostics, render};
use podrules::installation::{Draft, Inputs};
use std::path::PathBuf;

/// Find all mistakes in rules and values files
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules validate --strict values.yaml rules/*.yaml -o github")]
pub struct Validate {
    /// Rules files, values files and folders of them, detected from their contents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Human, help_heading = OUTPUT)]
    output: Format,
    /// Don't import the Python modules that rules and values name
    #[arg(long, help_heading = PYTHON)]
    no_hook: bool,
    #[command(flatten)]
    python: PythonOptions,
}

/// Forms of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Source lines with carets, on stderr
    Human,
    /// A list of objects
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

impl Validate {
    /// Checks values files together, and each rules file with them.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let mut draft = self.draft();
        if !self.no_hook {
            let workers = self.python.workers(draft.values.as_ref(), &draft.sources, &mut draft.found);
            check_hooks(&draft.plan, &workers, &mut draft.found);
        }
        draft.check_templates();
        let Draft { sources, mut found, unread, .. } = draft;
        found.sort();
        let dropped = found.dropped();
        let findings = report.judged(found);
        match self.output {
            Format::Human => report.show_list(&findings, dropped, &sources),
            Format::Json => report::print(&format!("{:#}\n", render::json(&findings, &sources)))?,
            Format::Sarif => report::print(&format!("{:#}\n", render::sarif(&findings, &sources)))?,
            Format::Github => report::print(&render::github(&findings, &sources))?,
        }
        let failed = findings.iter().any(Diagnostic::is_error);
        Ok(if unread {
            Exit::Input
        } else if failed {
            Exit::Mistakes
        } else {
            Exit::Done
        })
    }

    fn draft(&self) -> Draft {
        let (mut either, mut problems) = (Vec::new(), Vec::new());
        for path in &self.files {
            match yaml_files(path) {
                Ok(files) => either.extend(files),
                Err(problem) => problems.push(problem),
            }
        }
        let mut draft = Draft::read(&Inputs { either, ..Inputs::default() }, &mut Files, Diagnostics::new());
        draft.found.extend(problems);
        draft
    }
}

//! `podrules validate`: all mistakes of rules and values files at once.

use super::arguments::{Validate, ValidateFormat};
use super::report::{self, Report};
use super::{Exit, check, hooks, input};
use podrules::diagnostic::{Diagnostic, Diagnostics, FileId, Sources, render};
use podrules::plan;
use podrules::pod;
use podrules::source::helm::Values;
use podrules::source::{MAX_VALUES_BYTES, yaml};

/// Runs the command.
pub fn run(command: &Validate, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let mut unread = false;
    let (mut values, mut rules) = (Vec::new(), Vec::new());
    for path in &command.files {
        for path in input::yaml_files(path).unwrap_or_else(|diagnostic| {
            found.push(diagnostic);
            Vec::new()
        }) {
            match input::read(&mut sources, &path, MAX_VALUES_BYTES) {
                Ok(file) if is_values(&sources, file) => values.push(file),
                Ok(file) => rules.push(file),
                Err(diagnostic) => {
                    unread = true;
                    found.push(diagnostic);
                }
            }
        }
    }
    validate(command, &mut sources, &values, &rules, &mut found);
    found.sort();
    let dropped = found.dropped();
    let findings = report.judged(found);
    let failed = findings.iter().any(Diagnostic::is_error);
    let printed = match command.output {
        ValidateFormat::Human => {
            report.show_list(&findings, dropped, &sources);
            Exit::Done
        }
        ValidateFormat::Json => report::print(&format!("{:#}\n", render::json(&findings, &sources))),
        ValidateFormat::Sarif => report::print(&format!("{:#}\n", render::sarif(&findings, &sources))),
        ValidateFormat::Github => report::print(&render::github(&findings, &sources)),
    };
    match printed {
        Exit::Done if unread => Exit::Input,
        Exit::Done if failed => Exit::Mistakes,
        other => other,
    }
}

/// Whether a file is one of Helm values: whatever isn't is read as rules, which says what it should look like.
fn is_values(sources: &Sources, file: FileId) -> bool {
    let documents = yaml::read(sources, file, &mut Diagnostics::new());
    let keys = ["agentk8sglue", "clearml", "imageCredentials", "sessions", "global"];
    documents.first().is_some_and(|d| d.get("kind").is_none() && keys.iter().any(|key| d.get(key).is_some()))
}

/// Checks values files together, and each rules file with them.
fn validate(command: &Validate, sources: &mut Sources, values: &[FileId], rules: &[FileId], found: &mut Diagnostics) {
    let installation = if values.is_empty() { None } else { Values::read(sources, values, found) };
    let plan = plan::compile(sources, installation.as_ref(), rules, found);
    if !command.no_hook {
        let workers = hooks::workers(&command.python, installation.as_ref(), sources, found);
        hooks::check(&plan, &workers, found);
    }
    let whole =
        !found.iter().any(|d| d.is_error() && d.primary.as_ref().is_some_and(|l| values.contains(&l.span.file)));
    // A template of values that can't be used would only repeat why.
    let Some(installation) = installation.filter(|_| whole) else { return };
    // What the values alone make of each queue; what is missing until a task is there (image, name) isn't looked at.
    for queue in installation.queues() {
        let template = installation.template(&queue.name);
        for finding in pod::check::check_template(&template.to_value()) {
            let mut diagnostic = check::of_finding(&finding);
            if let Some(span) = template.span_at(finding.at.steps()) {
                diagnostic = diagnostic.at(span);
            }
            found.push(diagnostic);
        }
    }
}

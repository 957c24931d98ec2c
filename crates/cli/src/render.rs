//! `podrules render`: the Pod that a task will run in.

use super::arguments::{Render, RenderFormat};
use super::fields::Fields;
use super::load::{self, Parts};
use super::objects::launched;
use super::report::{self, Report};
use super::{Exit, check};
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::output;
use podrules::plan::Plan;
use podrules::run::{Options, Outcome};
use serde_json::{Value, json};

/// Runs the command.
pub fn run(command: &Render, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let parts = match load::load(&command.inputs, &mut sources, &mut found) {
        Ok(parts) => parts,
        Err(stopped) => {
            report.show(found, &sources);
            return stopped.0;
        }
    };
    let outcome = run_rules(&parts);
    tracing::info!(rules = outcome.rules.len(), changes = outcome.changes.len(), "ran");
    log(&outcome, &parts.plan);
    judge(&outcome, &parts, &mut found);
    let mistakes = report.show(found, &sources);
    if outcome.failure.is_some() {
        return Exit::Mistakes;
    }
    // A Pod that the API server would refuse is shown, and the exit code says that it is no good.
    let printed = report::print(&match command.output {
        RenderFormat::Yaml => output::documents(&objects(&outcome, &parts)),
        RenderFormat::Json => format!("{:#}\n", as_json(objects(&outcome, &parts))),
        RenderFormat::Diff => difference(&outcome, &parts, report),
    });
    match printed {
        Exit::Done if mistakes => Exit::Mistakes,
        other => other,
    }
}

/// Runs the rules with the trace that findings need.
pub fn run_rules(parts: &Parts) -> Outcome {
    parts.plan.run(parts.template.to_value(), &parts.context, Options { trace: true, hooks: Some(&parts.workers) })
}

/// Tells, with `-v`, what rules logged and hooks printed.
pub fn log(outcome: &Outcome, plan: &Plan) {
    for trace in &outcome.rules {
        for line in &trace.log {
            tracing::info!(rule = %printable_line(&plan.rules[trace.rule as usize].name), "{}", printable_line(line));
        }
    }
    if let (Some(trace), Some(hook)) = (&outcome.hook, &plan.values_hook) {
        for line in &trace.log {
            tracing::info!(hook = %hook.function, "{}", printable_line(line));
        }
    }
}

/// Adds what is to say of an outcome.
pub fn judge(outcome: &Outcome, parts: &Parts, found: &mut Diagnostics) {
    found.extend(outcome.warnings.iter().cloned());
    if let Some(failure) = &outcome.failure {
        found.push(failure.clone());
        return;
    }
    check::check(outcome, parts, &Fields::new(parts, outcome), found);
}

/// The companions, then the Pod, or the Job that makes it.
pub fn objects(outcome: &Outcome, parts: &Parts) -> Vec<Value> {
    outcome
        .companions
        .iter()
        .map(|c| c.manifest.clone())
        .chain([launched(outcome, parts.installation.task_as_job())])
        .collect()
}

/// One object, or a List.
pub fn as_json(mut objects: Vec<Value>) -> Value {
    match objects.len() {
        1 => objects.remove(0),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": objects}),
    }
}

/// What the rules changed: the Pod that no rule has touched is made by the same steps.
fn difference(outcome: &Outcome, parts: &Parts, report: Report) -> String {
    let empty = podrules::plan::compile(&Sources::new(), None, &[], &mut Diagnostics::new());
    let before = empty.run(parts.template.to_value(), &parts.context, Options::default());
    let (before, after) = (output::documents(&objects(&before, parts)), output::documents(&objects(outcome, parts)));
    output::unified(&before, &after, "without rules", "with rules", report.colour_data())
}

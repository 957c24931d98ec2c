//! `podrules explain`: what became of each rule, and who wrote each field of the Pod.

use super::Exit;
use super::arguments::{Explain, ExplainFormat};
use super::load;
use super::render::{judge, run_rules};
use super::report::{self, Report};
use podrules::diagnostic::{Diagnostic, Diagnostics, Sources};
use podrules::explain::Explanation;

/// Runs the command.
pub fn run(command: &Explain, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let parts = match load::load(&command.inputs, &mut sources, &mut found) {
        Ok(parts) => parts,
        Err(stopped) => {
            report.show(found, &sources);
            return stopped.0;
        }
    };
    let outcome = run_rules(&parts);
    judge(&outcome, &parts, &mut found);
    let explanation = Explanation {
        plan: &parts.plan,
        context: &parts.context,
        template: &parts.template,
        outcome: &outcome,
        sources: &sources,
    };
    let dropped = found.dropped();
    let findings = report.judged(found);
    let text = match command.output {
        ExplainFormat::Text => explanation.text(report.colour_data()),
        ExplainFormat::Json => format!("{:#}\n", explanation.data(&findings)),
    };
    let printed = report::print(&text);
    report.show_list(&findings, dropped, &sources);
    match printed {
        Exit::Done if findings.iter().any(Diagnostic::is_error) => Exit::Mistakes,
        other => other,
    }
}

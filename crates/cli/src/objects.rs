//! A rendered Pod as the objects of a launch, and what the cluster says of them as findings with their places.

use podrules::diagnostic::{Diagnostic, Span};
use podrules::explain::written;
use podrules::installation::{Installation, Rendered};
use podrules::plan::Plan;
use podrules::pod::job;
use podrules::run::Outcome;
use podrules_cluster::{self as cluster, CompanionSpec, Finding, Object, Subject};

/// The objects of a launch: the companions, each with its rule's name, then the Pod or the Job that makes it.
///
/// # Errors
/// Findings of what can't be launched.
pub fn described(installation: &Installation, rendered: &Rendered) -> Result<Vec<Object>, Vec<Finding>> {
    let companions = rendered.outcome.companions.iter().map(|companion| CompanionSpec {
        manifest: companion.manifest.clone(),
        lifetime: companion.lifetime,
        rule: installation.plan().rules[companion.rule as usize].name.clone(),
    });
    let launched = rendered.launched(installation.task_as_job());
    let context = &rendered.context;
    cluster::launch_objects(companions.collect(), launched, context.task_id(), &context.namespace)
}

/// The cluster's findings, each with who wrote the field.
pub fn blamed(findings: Vec<Finding>, installation: &Installation, rendered: &Rendered) -> Vec<Diagnostic> {
    let fields = installation.fields(rendered);
    let blamed = findings.into_iter().map(|finding| match (finding.subject, finding.at) {
        (Subject::Pod, Some(at)) => {
            let at = if installation.task_as_job() { job::place_in_pod(&at) } else { at };
            written(finding.diagnostic, &at, &fields)
        }
        (Subject::Pod, None) => finding.diagnostic,
        (Subject::Companion(number), _) => match companion(number, &rendered.outcome, installation.plan()) {
            Some((span, rule)) => finding.diagnostic.at_with(span, "asked for here").rule(rule),
            None => finding.diagnostic,
        },
    });
    blamed.collect()
}

/// Where a companion was written, and by which rule: a rule's companions are in the outcome in its order.
fn companion<'p>(number: usize, outcome: &Outcome, plan: &'p Plan) -> Option<(Span, &'p str)> {
    let rule = outcome.companions.get(number)?.rule;
    let before = outcome.companions[..number].iter().filter(|other| other.rule == rule).count();
    let rule = plan.rules.get(rule as usize)?;
    Some((rule.companions.get(before)?.span, &rule.name))
}

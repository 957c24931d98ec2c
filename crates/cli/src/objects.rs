//! An outcome as the objects of a launch, and what the cluster says of them as findings with their places.
use podrules::diagnostic::{Diagnostic, Span};
use podrules::explain::{Fields, written};
use podrules::plan::Plan;
use podrules::pod::job;
use podrules::run::Outcome;
use podrules::source::Node;
use podrules_cluster::{CompanionSpec, Finding, Subject};
use serde_json::Value;

/// What is launched: the Pod, or the Job that makes it.
pub fn launched(outcome: &Outcome, as_job: bool) -> Value {
    let pod = outcome.pod.clone();
    if as_job { job::of_pod(pod) } else { pod }
}

/// The companions, each with its rule's name.
pub fn wanted(outcome: &Outcome, plan: &Plan) -> Vec<CompanionSpec> {
    let companions = outcome.companions.iter();
    companions
        .map(|companion| CompanionSpec {
            manifest: companion.manifest.clone(),
            lifetime: companion.lifetime,
            rule: plan.rules[companion.rule as usize].name.clone(),
        })
        .collect()
}

/// Findings of the cluster's with who wrote the field.
pub fn blamed(
    findings: Vec<Finding>,
    outcome: &Outcome,
    plan: &Plan,
    template: &Node,
    as_job: bool,
) -> Vec<Diagnostic> {
    let fields = Fields::new(plan, template, outcome);
    let blamed = findings.into_iter().map(|finding| match (finding.subject, finding.at) {
        (Subject::Pod, Some(at)) => {
            let at = if as_job { job::place_in_pod(&at) } else { at };
            written(finding.diagnostic, &at, &fields)
        }
        (Subject::Pod, None) => finding.diagnostic,
        (Subject::Companion(number), _) => match companion(number, outcome, plan) {
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

//! A task in an installation to its Pod.

use super::Installation;
use crate::context::Context;
use crate::diagnostic::{Diagnostics, Sources, Span};
use crate::explain::{Explanation, Fields, check};
use crate::hook::{Hook, Hooks};
use crate::output;
use crate::plan::{self, Plan};
use crate::pod::job;
use crate::rules::RuleStage;
use crate::run::{Options, Outcome};
use crate::source::Node;
use serde_json::Value;
use std::sync::Arc;

/// A task with its queue's template, ready to be rendered.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The template.
    pub template: Arc<Node>,
    /// The task and what is known about it.
    pub context: Context,
}

/// The result of a render.
#[derive(Debug)]
pub struct Rendered {
    /// The template that the rules ran on.
    pub template: Arc<Node>,
    /// The task and what is known about it.
    pub context: Context,
    /// The Pod and its companions, with the trace.
    pub outcome: Outcome,
    /// The run's warnings, and why it failed or what the API server would refuse in the Pod; each with who wrote the field.
    pub findings: Diagnostics,
}

impl Rendered {
    /// The Pod, or the Job that makes it.
    pub fn launched(&self, as_job: bool) -> Value {
        launched(&self.outcome, as_job)
    }
}

impl AsRef<Outcome> for Rendered {
    fn as_ref(&self) -> &Outcome {
        &self.outcome
    }
}

/// The companions in the order in which they are created, then the Pod, or the Job that makes it.
pub fn objects(outcome: &Outcome, as_job: bool) -> Vec<Value> {
    let companions = outcome.companions.iter().map(|companion| companion.manifest.clone());
    companions.chain([launched(outcome, as_job)]).collect()
}

fn launched(outcome: &Outcome, as_job: bool) -> Value {
    let pod = outcome.pod.clone();
    if as_job { job::of_pod(pod) } else { pod }
}

/// A plan without rules, with no hook or the one given: for comparisons with what rules do.
pub fn no_rules(hook: Option<Hook>) -> Plan {
    let mut plan = plan::compile(&Sources::new(), None, &[], &mut Diagnostics::new());
    plan.values_hook = hook;
    plan
}

impl Installation {
    /// A task with its queue's template, which is empty without values. The Pod's namespace is that of the inputs, of the context
    /// file, of the template, else `fallback`.
    pub fn prepare(&self, task: Value, queue: &str, fallback: &str) -> Prepared {
        let template = self.template(queue).unwrap_or_else(|| Arc::new(Node::empty_map(Span::NOWHERE.file)));
        let mut context = self.context(task, queue);
        let of_template = template.get_path(&["metadata", "namespace"]).and_then(Node::as_str);
        context.namespace = self.namespace.as_deref().or(of_template).unwrap_or(fallback).to_owned();
        Prepared { template, context }
    }

    /// Runs the rules and checks the Pod. Hooks are refused unless something is given that runs them.
    pub fn render(&self, task: Prepared, hooks: Option<&dyn Hooks>) -> Rendered {
        let Prepared { template, context } = task;
        let outcome = self.plan.run(template.to_value(), &context, Options { trace: true, hooks });
        let mut findings = Diagnostics::new();
        findings.extend(outcome.warnings.iter().cloned());
        match &outcome.failure {
            Some(failure) => findings.push(failure.clone()),
            None => check(&outcome, &Fields::new(&self.plan, &template, &outcome), &mut findings),
        }
        Rendered { template, context, outcome, findings }
    }

    /// Runs the rules of one stage on a Pod, for agents that do the rest themselves. Nothing is traced or checked.
    pub fn run_stage(&self, pod: Value, context: &Context, stage: RuleStage, hooks: Option<&dyn Hooks>) -> Outcome {
        self.plan.run_stage(pod, context, Options { trace: false, hooks }, stage)
    }

    /// What each rule did and who wrote each field.
    pub fn explain<'r>(&'r self, rendered: &'r Rendered) -> Explanation<'r> {
        Explanation {
            plan: &self.plan,
            context: &rendered.context,
            template: &rendered.template,
            outcome: &rendered.outcome,
            sources: &self.sources,
        }
    }

    /// Who wrote each field of the Pod.
    pub fn fields<'r>(&'r self, rendered: &'r Rendered) -> Fields<'r> {
        Fields::new(&self.plan, &rendered.template, &rendered.outcome)
    }

    /// The Pod without rules: the same steps on the same template, but no rule and no hook.
    pub fn without_rules(&self, rendered: &Rendered) -> Outcome {
        no_rules(None).run(rendered.template.to_value(), &rendered.context, Options::default())
    }

    /// What the rules changed, as a unified difference to the Pod without rules; coloured if asked.
    pub fn difference(&self, rendered: &Rendered, as_job: bool, colour: bool) -> String {
        let documents = |outcome: &Outcome| output::documents(&objects(outcome, as_job));
        let (before, after) = (documents(&self.without_rules(rendered)), documents(&rendered.outcome));
        output::unified(&before, &after, "without rules", "with rules", colour)
    }
}

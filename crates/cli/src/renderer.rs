//! What makes Pods for the agent: an installation's values and rules, and who wrote each field.

use super::objects;
use super::setting::Setting;
use podrules::context::Context;
use podrules::diagnostic::render::{human, printable_line};
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources};
use podrules::explain::{Fields, check};
use podrules::hook::{Answer, Hook, Hooks};
use podrules::run::{Options, Outcome, Status};
use podrules_agent::{Metrics, Refused, Render, Rendered, Task};
use podrules_cluster as cluster;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// An installation with its rules.
pub struct Renderer {
    /// Values and rules.
    pub setting: Setting,
    /// Their texts.
    pub sources: Sources,
    /// The namespace of Pods of which nothing else says it.
    pub namespace: String,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Figures.
    pub metrics: Metrics,
    /// Queues of which it was said that the values don't have them.
    pub told: Mutex<HashSet<String>>,
}

/// Queues that are told of.
const MOST_QUEUES: usize = 1_000;

impl Renderer {
    /// The report on a task that can't be launched.
    fn refused(&self, found: Diagnostics, failed: Vec<String>) -> Box<Refused> {
        let mut list = found.into_vec();
        list.retain(Diagnostic::is_error);
        let reason = list.first().map_or("internal", |diagnostic| diagnostic.code.as_str()).to_owned();
        Box::new(Refused { reason, message: human(&list, &self.sources, false), failed })
    }

    /// The findings, warnings being errors under `--strict`; what stays a warning is logged.
    fn judged(&self, found: Diagnostics, task: &Task) -> Diagnostics {
        let mut judged = Diagnostics::new();
        for mut diagnostic in found.into_vec() {
            if self.strict && diagnostic.severity == Severity::Warning {
                diagnostic.severity = Severity::Error;
            }
            // Once for each queue is enough.
            let known = diagnostic.code == Code::UnknownQueue && !self.is_new(&task.queue);
            if !diagnostic.is_error() && !known {
                tracing::warn!(task = %printable_line(&task.id), "{}", printable_line(&diagnostic.message));
            }
            judged.push(diagnostic);
        }
        judged
    }

    /// Whether nothing was said of a queue that the values don't have.
    fn is_new(&self, queue: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST_QUEUES && told.insert(queue.to_owned())
    }

    fn names(&self, outcome: &Outcome, wanted: impl Fn(&Status) -> bool) -> Vec<String> {
        let rules = outcome.rules.iter().filter(|trace| wanted(&trace.status));
        rules.map(|trace| self.setting.plan.rules[trace.rule as usize].name.clone()).collect()
    }

    fn log(&self, outcome: &Outcome, task: &Task) {
        let task = printable_line(&task.id);
        for trace in &outcome.rules {
            let rule = printable_line(&self.setting.plan.rules[trace.rule as usize].name);
            for line in &trace.log {
                tracing::info!(%task, %rule, "{}", printable_line(line));
            }
        }
        for line in outcome.hook.iter().flat_map(|hook| &hook.log) {
            tracing::info!(%task, hook = "values", "{}", printable_line(line));
        }
    }
}

impl Render for Renderer {
    fn render(self: Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>> {
        let mut found = Diagnostics::new();
        let plan = &self.setting.plan;
        self.setting.queue(Some(&task.queue), &mut found);
        let (template, context) = self.setting.of_task(task.value.clone(), &task.queue, &self.namespace);
        let hooks = Timed { hooks: &self.setting.workers, metrics: &self.metrics };
        let outcome = plan.run(template.to_value(), &context, Options { trace: true, hooks: Some(&hooks) });
        self.log(&outcome, task);
        let failed = self.names(&outcome, |status| matches!(status, Status::Failed(_)));
        found.extend(outcome.warnings.iter().cloned());
        match &outcome.failure {
            Some(failure) => found.push(failure.clone()),
            None => check(&outcome, &Fields::new(plan, &template, &outcome), &mut found),
        }
        let found = self.judged(found, task);
        if found.has_errors() {
            return Err(self.refused(found, failed));
        }
        let as_job = self.setting.installation.task_as_job();
        let pod = objects::launched(&outcome, as_job);
        let wanted = objects::wanted(&outcome, plan);
        let objects = match cluster::launch_objects(wanted, pod, context.task_id(), &context.namespace) {
            Ok(objects) => objects,
            Err(findings) => {
                let mut found = Diagnostics::new();
                found.extend(objects::blamed(findings, &outcome, plan, &template, as_job));
                return Err(self.refused(found, failed));
            }
        };
        let applied = self.names(&outcome, |status| matches!(status, Status::Applied));
        let own = self.clone();
        let blame = move |findings| {
            let mut found = Diagnostics::new();
            found.extend(objects::blamed(findings, &outcome, &own.setting.plan, &template, as_job));
            *own.refused(found, Vec::new())
        };
        Ok(Rendered { objects, applied, failed, blame: Box::new(blame) })
    }

    fn blocks(&self) -> bool {
        !self.setting.plan.hooks.is_empty() || self.setting.plan.values_hook.is_some()
    }

    fn companions(&self) -> Vec<(String, String)> {
        let rules = self.setting.plan.rules.iter().filter(|rule| rule.enabled);
        let constants = rules.flat_map(|rule| &rule.companions).filter_map(|companion| {
            let text = |key| Some(companion.manifest.field(key)?.constant()?.as_str()?.to_owned());
            Some((text("apiVersion")?, text("kind")?))
        });
        constants.collect()
    }

    fn describe(&self, found: &Diagnostic) -> String {
        human(std::slice::from_ref(found), &self.sources, false)
    }
}

/// Hooks whose time is taken.
struct Timed<'h> {
    hooks: &'h dyn Hooks,
    metrics: &'h Metrics,
}

impl std::fmt::Debug for Timed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hooks.fmt(f)
    }
}

impl Hooks for Timed<'_> {
    fn call(&self, hook: &Hook, template: &Value, context: &Context) -> Answer {
        let started = Instant::now();
        let answer = self.hooks.call(hook, template, context);
        self.metrics.hook(started.elapsed().as_secs_f64());
        answer
    }
}

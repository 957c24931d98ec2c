//! An installation as what renders Pods for the agent.

use crate::objects;
use podrules::context::Context;
use podrules::diagnostic::render::{human, printable_line};
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use podrules::hook::{Answer, Hook, Hooks};
use podrules::installation::{self, Installation, Speaker};
use podrules::run::{Outcome, Status};
use podrules_agent::{Metrics, Refused, Render, Rendered, Task};
use podrules_cluster::Finding;
use podrules_worker::python::Workers;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Renders the Pods of tasks.
pub struct Renderer {
    /// Values and rules.
    pub installation: Installation,
    /// Run Python hooks.
    pub workers: Workers,
    /// The namespace of Pods if nothing else says it.
    pub namespace: String,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Counts hooks.
    pub metrics: Metrics,
    /// Queues that the values don't have, of which a warning was logged.
    pub warned: Mutex<HashSet<String>>,
}

/// Queues whose warning is logged, each once.
const MOST_QUEUES: usize = 1_000;

impl Renderer {
    /// The report on a task that can't be launched.
    fn refused(&self, found: Diagnostics, failed: Vec<String>) -> Box<Refused> {
        let mut list = found.into_vec();
        list.retain(Diagnostic::is_error);
        let reason = list.first().map_or("internal", |diagnostic| diagnostic.code.as_str()).to_owned();
        Box::new(Refused { reason, message: human(&list, self.installation.sources(), false), failed })
    }

    /// The report on what the cluster refuses, with who wrote the fields.
    fn blamed(&self, findings: Vec<Finding>, rendered: &installation::Rendered, failed: Vec<String>) -> Box<Refused> {
        let mut found = Diagnostics::new();
        found.extend(objects::blamed(findings, &self.installation, rendered));
        self.refused(found, failed)
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

    /// Whether no warning was logged yet of a queue that the values don't have.
    fn is_new(&self, queue: &str) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < MOST_QUEUES && warned.insert(queue.to_owned())
    }

    fn names(&self, outcome: &Outcome, wanted: impl Fn(&Status) -> bool) -> Vec<String> {
        let rules = outcome.rules.iter().filter(|trace| wanted(&trace.status));
        rules.map(|trace| self.installation.plan().rules[trace.rule as usize].name.clone()).collect()
    }

    fn log(&self, outcome: &Outcome, task: &Task) {
        let task = printable_line(&task.id);
        for (speaker, line) in installation::log(self.installation.plan(), outcome) {
            match speaker {
                Speaker::Rule(rule) => {
                    tracing::info!(%task, rule = %printable_line(rule), "{}", printable_line(line));
                }
                Speaker::Hook(_) => tracing::info!(%task, hook = "values", "{}", printable_line(line)),
            }
        }
    }
}

impl Render for Renderer {
    fn render(self: Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>> {
        let prepared = self.installation.prepare(task.value.clone(), &task.queue, &self.namespace);
        let hooks = Timed { hooks: &self.workers, metrics: &self.metrics };
        let mut rendered = self.installation.render(prepared, Some(&hooks));
        self.log(&rendered.outcome, task);
        let failed = self.names(&rendered.outcome, |status| matches!(status, Status::Failed(_)));
        let mut found = Diagnostics::new();
        found.extend(self.installation.queue(Some(&task.queue)).ok().and_then(|queue| queue.warning));
        found.append(std::mem::take(&mut rendered.findings));
        let found = self.judged(found, task);
        if found.has_errors() {
            return Err(self.refused(found, failed));
        }
        let objects = match objects::described(&self.installation, &rendered) {
            Ok(objects) => objects,
            Err(findings) => return Err(self.blamed(findings, &rendered, failed)),
        };
        let applied = self.names(&rendered.outcome, |status| matches!(status, Status::Applied));
        let own = self.clone();
        let blame = move |findings| *own.blamed(findings, &rendered, Vec::new());
        Ok(Rendered { objects, applied, failed, blame: Box::new(blame) })
    }

    fn blocks(&self) -> bool {
        self.installation.has_hooks()
    }

    fn companions(&self) -> Vec<(String, String)> {
        self.installation.companions().filter_map(|companion| companion.kind).collect()
    }

    fn describe(&self, found: &Diagnostic) -> String {
        human(std::slice::from_ref(found), self.installation.sources(), false)
    }
}

/// Measures how long hooks take.
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

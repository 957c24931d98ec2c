//! What was loaded.

use super::Reader;
use super::queue::{self, Queue};
use super::task::read_task;
use super::templates::Templates;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Sources};
use crate::plan::Plan;
use crate::source::context::ContextFile;
use crate::source::helm::Values;
use crate::source::{MAX_TASK_BYTES, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Values, rules, context and configuration without mistakes. It doesn't change when it is asked, so threads may share it.
#[derive(Debug)]
pub struct Installation {
    pub(super) sources: Sources,
    pub(super) files: Vec<PathBuf>,
    pub(super) values: Option<Values>,
    pub(super) plan: Plan,
    pub(super) context: ContextFile,
    pub(super) providers: Arc<Value>,
    pub(super) config: Arc<Value>,
    pub(super) namespace: Option<String>,
    /// The variables that rules list, as far as their values are known.
    pub(super) env: BTreeMap<String, String>,
    pub(super) warnings: Diagnostics,
    pub(super) templates: Templates,
}

impl Installation {
    /// The texts that it was loaded from, and those of tasks that were read since.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The paths that were read, in order: who watches them knows when to load anew.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The values, if any were given.
    pub fn values(&self) -> Option<&Values> {
        self.values.as_ref()
    }

    /// The rules.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was found while it was loaded; none of it is an error.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Whether a rule or the values call Python.
    pub fn has_hooks(&self) -> bool {
        !self.plan.hooks.is_empty() || self.plan.values_hook.is_some()
    }

    /// Whether the values ask for a Job instead of a bare Pod.
    pub fn task_as_job(&self) -> bool {
        self.values.as_ref().is_some_and(Values::task_as_job)
    }

    /// The environment variables that the rules list.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.plan.sets.iter().flat_map(|set| &set.env).map(String::as_str)
    }

    /// The worker's id; empty if nothing says it.
    pub fn worker(&self) -> &str {
        self.context.worker_id.as_deref().unwrap_or("")
    }

    /// Sets the worker's id, unless the context file does.
    #[must_use]
    pub fn with_worker(mut self, id: String) -> Self {
        self.context.worker_id.get_or_insert(id);
        self
    }

    /// The namespace of the agent itself: that of the inputs, of the context file, of the values, else `fallback`.
    pub fn namespace<'n>(&'n self, fallback: &'n str) -> &'n str {
        let of_values = self.values.as_ref().and_then(Values::namespace);
        self.namespace.as_deref().or(of_values).unwrap_or(fallback)
    }

    /// The names of the queues that the values have; none without values.
    pub fn queues(&self) -> Vec<&str> {
        let queues = self.values.iter().flat_map(Values::queues);
        queues.map(|queue| queue.name.as_str()).collect()
    }

    /// The queue that is meant: that which is asked for, that of the context file, or the only one of the values.
    ///
    /// # Errors
    /// A finding without a help if there are several and none was named.
    pub fn queue(&self, asked: Option<&str>) -> Result<Queue, Diagnostic> {
        let queues = self.values.as_ref().map(Values::queues);
        queue::meant(queues, asked.or(self.context.queue_name.as_deref()))
    }

    /// The template of a queue, made once; nothing without values.
    pub fn template(&self, queue: &str) -> Option<Arc<Node>> {
        Some(self.templates.of(self.values.as_ref()?, queue))
    }

    /// A task and what is known about it: everything of the context but the Pod's namespace, which may depend on the template.
    pub fn context(&self, task: Value, queue: &str) -> Context {
        let mut context = Context::new(task, self.context.queue_id.as_deref().unwrap_or(""), queue);
        context.providers = self.providers.clone();
        context.config = self.config.clone();
        context.worker = Arc::new(json!({"id": self.worker()}));
        context.env = self.env.clone();
        context.default_image = self.values.as_ref().and_then(Values::default_image).map(|text| text.value);
        context
    }

    /// Reads a task. Mistakes go to `found`; its text stays with the sources, so that they can be shown.
    pub fn read_task(&mut self, path: &Path, reader: &mut dyn Reader, found: &mut Diagnostics) -> Option<Value> {
        let file = reader.read(&mut self.sources, path, MAX_TASK_BYTES).map_err(|unread| found.push(unread)).ok()?;
        read_task(&self.sources, file, found)
    }
}

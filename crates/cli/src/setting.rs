//! Everything that is the same for all tasks of an installation: values, rules, context, configuration, hooks.

use super::arguments::{Inputs, Python};
use super::load::{config_value, read_one};
use super::{hooks, load};
use podrules::context::Context;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, did_you_mean};
use podrules::plan::{self, Plan};
use podrules::source::context::ContextFile;
use podrules::source::helm::Values;
use podrules::source::{MAX_VALUES_BYTES, Node};
use podrules_worker::python::Workers;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The files that were read.
pub struct Read {
    pub values: Vec<FileId>,
    pub rules: Vec<FileId>,
    pub context: Option<FileId>,
    /// The outer is whether one was asked for, the inner whether it could be read.
    pub config: Option<Option<FileId>>,
}

/// What the command line says beside files.
pub struct Given<'g> {
    /// Where the context file stands: what it names is beside it.
    pub context: Option<&'g Path>,
    pub namespace: Option<&'g str>,
    pub release: Option<&'g str>,
    pub python: &'g Python,
}

impl<'g> Given<'g> {
    /// As render and explain take it.
    pub fn of(inputs: &'g Inputs, files: &'g load::Files) -> Self {
        Given {
            context: files.context.as_deref(),
            namespace: inputs.namespace.as_deref(),
            release: inputs.release.as_deref(),
            python: &inputs.python,
        }
    }
}

/// An installation with its rules.
pub struct Setting {
    pub installation: Values,
    pub plan: Plan,
    pub workers: Workers,
    context: ContextFile,
    config: Value,
    namespace: Option<String>,
    /// The templates that were made, by queue.
    templates: Mutex<HashMap<String, Arc<Node>>>,
}

/// Templates that are kept: queues' names may be anything.
const MOST_TEMPLATES: usize = 1_000;

impl Setting {
    /// Makes it of what was read; nothing if there are mistakes without which nothing can be made.
    pub fn new(read: Read, given: Given<'_>, sources: &mut Sources, found: &mut Diagnostics) -> Option<Setting> {
        let installation = Values::read(sources, &read.values, found)
            .map(|installation| installation.with_release(given.release, given.namespace));
        let plan = plan::compile(sources, installation.as_ref(), &read.rules, found);
        let context = read.context.and_then(|file| ContextFile::read(sources, file, found)).unwrap_or_default();
        let named = context.config_file.as_ref().zip(given.context).map(|(name, beside)| {
            let path = beside.parent().unwrap_or(Path::new(".")).join(&name.value);
            read_one(&path, MAX_VALUES_BYTES, sources, found)
        });
        let config = match read.config.or(named) {
            Some(file) => file.and_then(|file| config_value(sources, file, found)),
            None => Some(context.config.clone()),
        };
        let workers = hooks::workers(given.python, installation.as_ref(), sources, found);
        let namespace = given.namespace.map(str::to_owned).or_else(|| context.namespace.clone());
        Some(Setting {
            installation: installation?,
            plan,
            workers,
            context,
            config: config?,
            namespace,
            templates: Mutex::default(),
        })
    }

    /// The worker's id, if the context doesn't say one.
    pub fn with_worker(mut self, id: String) -> Self {
        self.context.worker_id.get_or_insert(id);
        self
    }

    /// The namespace that is the agent's own: as asked, as the context or the values' template says, else the one given here.
    pub fn own_namespace(&self, fallback: &str) -> String {
        let template = self.installation.namespace().map(str::to_owned);
        self.namespace.clone().or(template).unwrap_or_else(|| fallback.to_owned())
    }

    /// The worker's id.
    pub fn worker(&self) -> &str {
        self.context.worker_id.as_deref().unwrap_or("")
    }

    /// The queue's name: as asked, as the context says, or the only one that the values have.
    pub fn queue(&self, asked: Option<&str>, found: &mut Diagnostics) -> Option<String> {
        let queues = self.installation.queues();
        let names: Vec<&str> = queues.iter().map(|q| q.name.as_str()).collect();
        if let Some(name) = asked.map(str::to_owned).or_else(|| self.context.queue_name.clone()) {
            if !names.contains(&name.as_str()) {
                let unknown = Diagnostic::new(Code::UnknownQueue, format!("the values have no queue `{name}`"));
                found.push(match did_you_mean(&name, names.iter().copied()) {
                    Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                    None => unknown.help(format!("they have {}", names.join(", "))),
                });
            }
            return Some(name);
        }
        match names.as_slice() {
            [only] => Some((*only).to_owned()),
            _ => {
                let message = format!("which queue? the values have {}", names.join(", "));
                let example = names.first().copied().unwrap_or("default");
                found.push(Diagnostic::new(Code::Queue, message).help(format!("name one: -q {example}")));
                None
            }
        }
    }

    /// A task's template and context. The namespace is for Pods of which nothing else says it.
    pub fn of_task(&self, task: Value, queue: &str, fallback: &str) -> (Arc<Node>, Context) {
        // The agent will see its extraEnvs; what they don't set may come from the environment of this process.
        let given = self.installation.environment().into_iter().map(|(name, value)| (name.value, value.value));
        let listed = self.plan.sets.iter().flat_map(|set| &set.env);
        let own = listed.clone().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)));
        let environment = own.chain(given.filter(|(name, _)| listed.clone().any(|wanted| wanted == name)));
        let mut context = Context::new(task, self.context.queue_id.as_deref().unwrap_or(""), queue);
        context.providers = Arc::new(self.context.providers.clone());
        context.config = Arc::new(self.config.clone());
        context.worker = Arc::new(json!({"id": self.context.worker_id.as_deref().unwrap_or("")}));
        context.env = environment.collect();
        context.default_image = self.installation.default_image().map(|text| text.value);
        let template = self.template(queue);
        let own = template.get_path(&["metadata", "namespace"]).and_then(Node::as_str);
        let namespace = self.namespace.clone().or_else(|| own.map(str::to_owned));
        context.namespace = namespace.unwrap_or_else(|| fallback.to_owned());
        (template, context)
    }

    /// The queue's template, made once.
    fn template(&self, queue: &str) -> Arc<Node> {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = templates.get(queue) {
            return made.clone();
        }
        let made = Arc::new(self.installation.template(queue));
        if templates.len() < MOST_TEMPLATES {
            templates.insert(queue.to_owned(), made.clone());
        }
        made
    }
}

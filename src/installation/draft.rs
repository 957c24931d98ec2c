//! Loading. Every file is read, and the mistakes of all of them are gathered, before anything is given up.

use super::config::read_config;
use super::contents::is_values;
use super::queue::{self, Queue};
use super::task::read_task;
use super::templates::Templates;
use super::{Inputs, Installation, Reader};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Sources};
use crate::explain::of_finding;
use crate::plan::{self, Plan};
use crate::pod::check::check_template;
use crate::source::context::ContextFile;
use crate::source::helm::Values;
use crate::source::{MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// As much of an installation as could be read, and what is wrong with it. More can be found out before it is finished.
#[derive(Debug)]
pub struct Draft {
    /// The texts.
    pub sources: Sources,
    /// The values, unless none were given or they can't be used.
    pub values: Option<Values>,
    /// The rules that have no mistake.
    pub plan: Plan,
    /// What was found so far.
    pub found: Diagnostics,
    /// Whether something can't be read at all.
    pub unread: bool,
    files: Vec<PathBuf>,
    value_files: Vec<FileId>,
    context: ContextFile,
    config: Option<Value>,
    namespace: Option<String>,
    env: BTreeMap<String, String>,
}

/// Why there is no installation.
#[derive(Debug)]
pub struct Mistakes {
    /// What was found: at least one error.
    pub found: Diagnostics,
    /// The texts that the findings point into.
    pub sources: Sources,
    /// Whether something can't be read at all.
    pub unread: bool,
}

impl Installation {
    /// Loads an installation.
    ///
    /// # Errors
    /// All mistakes of all texts together.
    pub fn load(inputs: &Inputs, reader: &mut dyn Reader) -> Result<Installation, Box<Mistakes>> {
        Draft::read(inputs, reader, Diagnostics::new()).finish()
    }
}

/// The texts that were read, by what they are.
struct Loading<'l> {
    reader: &'l mut dyn Reader,
    sources: Sources,
    found: Diagnostics,
    files: Vec<PathBuf>,
    unread: bool,
}

impl Loading<'_> {
    fn one(&mut self, path: &Path, most: usize) -> Option<FileId> {
        match self.reader.read(&mut self.sources, path, most) {
            Ok(file) => {
                self.files.push(path.to_owned());
                Some(file)
            }
            Err(unread) => {
                self.unread = true;
                self.found.push(unread);
                None
            }
        }
    }

    fn all(&mut self, paths: &[PathBuf], most: usize) -> Vec<FileId> {
        paths.iter().filter_map(|path| self.one(path, most)).collect()
    }

    fn values(&mut self, inputs: &Inputs, files: &[FileId]) -> Option<Values> {
        // What is made of some of the files would be mistaken for what all of them say.
        let whole = inputs.values.as_ref().is_none_or(|named| files.len() >= named.len());
        if !whole || (inputs.values.is_none() && files.is_empty()) {
            return None;
        }
        let values = Values::read(&mut self.sources, files, &mut self.found)?;
        Some(values.with_release(inputs.release.as_deref(), inputs.namespace.as_deref()))
    }

    /// The configuration: of its own file, of the file that the context names beside itself, or of the context.
    fn config(&mut self, inputs: &Inputs, own: Option<FileId>, context: &ContextFile) -> Option<Value> {
        let file = match (&inputs.config, &context.config_file, &inputs.context) {
            (Some(_), _, _) => own?,
            (None, Some(name), Some(beside)) => {
                let path = beside.parent().unwrap_or(Path::new(".")).join(&name.value);
                self.one(&path, MAX_VALUES_BYTES)?
            }
            _ => return Some(context.config.clone()),
        };
        read_config(&self.sources, file, &mut self.found)
    }

    /// The variables that the rules list: the agent sees those of its values; others may come from this process.
    fn variables(&mut self, plan: &Plan, values: Option<&Values>) -> BTreeMap<String, String> {
        let given: BTreeMap<String, String> =
            values.into_iter().flat_map(Values::environment).map(|(name, value)| (name.value, value.value)).collect();
        let listed = plan.sets.iter().flat_map(|set| &set.env);
        let known = listed
            .filter_map(|name| Some((name.clone(), given.get(name).cloned().or_else(|| self.reader.variable(name))?)));
        known.collect()
    }
}

impl Draft {
    /// Reads everything. Findings so far, of paths that name no files, come first.
    pub fn read(inputs: &Inputs, reader: &mut dyn Reader, found: Diagnostics) -> Draft {
        let mut loading = Loading { reader, sources: Sources::new(), found, files: Vec::new(), unread: false };
        let mut value_files = loading.all(inputs.values.as_deref().unwrap_or_default(), MAX_VALUES_BYTES);
        let mut rules = loading.all(&inputs.rules, MAX_RULES_BYTES);
        for file in loading.all(&inputs.either, MAX_VALUES_BYTES) {
            let files = if is_values(&loading.sources, file) { &mut value_files } else { &mut rules };
            files.push(file);
        }
        let context = inputs.context.as_ref().and_then(|path| loading.one(path, MAX_VALUES_BYTES));
        let config = inputs.config.as_ref().and_then(|path| loading.one(path, MAX_VALUES_BYTES));
        let values = loading.values(inputs, &value_files);
        let plan = plan::compile(&loading.sources, values.as_ref(), &rules, &mut loading.found);
        let context = context.and_then(|file| ContextFile::read(&loading.sources, file, &mut loading.found));
        let context = context.unwrap_or_default();
        let config = loading.config(inputs, config, &context);
        let env = loading.variables(&plan, values.as_ref());
        let namespace = inputs.namespace.clone().or_else(|| context.namespace.clone());
        let Loading { sources, found, files, unread, .. } = loading;
        Draft { sources, values, plan, found, unread, files, value_files, context, config, namespace, env }
    }

    /// Reads a task.
    pub fn read_task(&mut self, path: &Path, reader: &mut dyn Reader) -> Option<Value> {
        match reader.read(&mut self.sources, path, MAX_TASK_BYTES) {
            Ok(file) => read_task(&self.sources, file, &mut self.found),
            Err(unread) => {
                self.unread = true;
                self.found.push(unread);
                None
            }
        }
    }

    /// The queue that is meant, as [`Installation::queue`] says.
    ///
    /// # Errors
    /// A finding without a help if there are several and none was named.
    pub fn queue(&self, asked: Option<&str>) -> Result<Queue, Diagnostic> {
        let queues = self.values.as_ref().map(Values::queues);
        queue::meant(queues, asked.or(self.context.queue_name.as_deref()))
    }

    /// Checks the template that the values make for each queue, as far as that can be told without a task. The template of
    /// values that have mistakes isn't checked: that would only repeat them.
    pub fn check_templates(&mut self) {
        let in_values = |d: &Diagnostic| d.primary.as_ref().is_some_and(|l| self.value_files.contains(&l.span.file));
        let broken = self.found.iter().any(|d| d.is_error() && in_values(d));
        let Some(values) = self.values.as_ref().filter(|_| !broken) else { return };
        for queue in values.queues() {
            let template = values.template(&queue.name);
            for finding in check_template(&template.to_value()) {
                let diagnostic = of_finding(&finding);
                self.found.push(match template.span_at(finding.at.steps()) {
                    Some(span) => diagnostic.at(span),
                    None => diagnostic,
                });
            }
        }
    }

    /// The installation, if nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that was found, with the texts.
    pub fn finish(self) -> Result<Installation, Box<Mistakes>> {
        let Draft { sources, values, plan, found, unread, files, mut context, config, namespace, env, .. } = self;
        let Some(config) = config.filter(|_| !found.has_errors()) else {
            return Err(Box::new(Mistakes { found, sources, unread }));
        };
        let providers = Arc::new(std::mem::replace(&mut context.providers, json!({})));
        Ok(Installation {
            sources,
            files,
            values,
            plan,
            context,
            providers,
            config: Arc::new(config),
            namespace,
            env,
            warnings: found,
            templates: Templates::default(),
        })
    }
}

//! Rules, for Python.

use crate::context::Given;
use crate::convert::{self, Take};
use crate::hooks::InProcess;
use crate::loaded::Loaded;
use crate::results::{self, Edited, Rendered};
use crate::{detached, errors, html};
use podrules::context::Context;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Span, did_you_mean};
use podrules::hook::Hooks;
use podrules::rules::{Mode, RuleStage};
use podrules::run::{Options, Outcome, Status};
use podrules::source::Node;
use podrules::source::helm::Installation;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use std::sync::Arc;

/// Compiled rules, and the values they were loaded with. They are never changed, and may be shared by threads.
#[pyclass(frozen, module = "podrules")]
pub struct Rules {
    loaded: Arc<Loaded>,
}

impl Rules {
    /// Of what was loaded.
    pub fn new(loaded: Loaded) -> Self {
        Rules { loaded: Arc::new(loaded) }
    }

    fn installation(&self) -> PyResult<&Installation> {
        self.loaded.installation.as_ref().ok_or_else(|| {
            PyValueError::new_err("these rules were loaded without values: give a template, or load(..., values=[...])")
        })
    }

    fn fails(&self, py: Python<'_>, diagnostic: Diagnostic) -> PyErr {
        errors::rules_error(py, &[diagnostic], 0, &self.loaded.sources)
    }

    /// The failure of a run, with what was logged until then.
    fn failed(&self, py: Python<'_>, failure: &Diagnostic, outcome: &Outcome) -> PyErr {
        let error = self.fails(py, failure.clone());
        // An exception without its log is still worth raising.
        let _ = error.value(py).setattr("log", results::log(outcome, &self.loaded));
        error
    }

    /// Runs rules while other threads run Python. The arguments of hooks are made only if there are hooks.
    fn run<'py>(
        &self,
        py: Python<'py>,
        arguments: impl FnOnce() -> PyResult<Bound<'py, PyDict>>,
        work: impl FnOnce(&Loaded, Option<&dyn Hooks>) -> Outcome + Send,
    ) -> PyResult<(Outcome, Vec<String>)> {
        let loaded = &*self.loaded;
        if !loaded.hooks {
            let outcome = detached(py, || work(loaded, None))?;
            return match &outcome.failure {
                Some(failure) => Err(self.failed(py, failure, &outcome)),
                None => Ok((outcome, Vec::new())),
            };
        }
        let hooks = InProcess::new(arguments()?.unbind());
        let outcome = detached(py, || work(loaded, Some(&hooks)))?;
        let (cause, interrupted) = hooks.last(py);
        if interrupted && let Some(interrupt) = cause {
            return Err(interrupt);
        }
        if let Some(failure) = &outcome.failure {
            let error = self.failed(py, failure, &outcome);
            if matches!(failure.code, Code::HookFailed | Code::HookImport) {
                error.set_cause(py, cause);
            }
            return Err(error);
        }
        Ok((outcome, hooks.warnings(py)))
    }

    fn warnings_of(&self, outcome: &Outcome, mut more: Vec<String>) -> Vec<String> {
        let own = outcome.warnings.iter().map(|warning| errors::line(warning, &self.loaded.sources));
        let mut warnings: Vec<String> = own.collect();
        warnings.append(&mut more);
        warnings
    }

    /// The queue that is meant, and what to say of it.
    fn queue_name(&self, given: Option<&str>, found: &mut Diagnostics) -> PyResult<String> {
        let queues = self.loaded.queues();
        match (given, queues.as_slice()) {
            (Some(name), _) => {
                if self.loaded.installation.is_some() && !queues.iter().any(|queue| queue == name) {
                    let unknown = Diagnostic::new(Code::UnknownQueue, format!("the values have no queue `{name}`"));
                    found.push(match did_you_mean(name, queues.iter().map(String::as_str)) {
                        Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                        None => unknown.help(format!("they have {}", queues.join(", "))),
                    });
                }
                Ok(name.to_owned())
            }
            (None, [only]) => Ok(only.clone()),
            (None, []) => Ok(String::new()),
            (None, _) => Err(PyValueError::new_err(format!(
                "which queue? the values have {}: name one with queue_name",
                queues.join(", ")
            ))),
        }
    }
}

/// A dict that rules are to edit.
fn document(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
    match convert::read(given, Take::Json) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(PyTypeError::new_err(format!("{name} must be a dict, not {}", convert::type_name(given)))),
        Err(refused) => Err(errors::input_error(given.py(), format!("the {name}: {}", refused.message()), None)),
    }
}

#[pymethods]
impl Rules {
    /// The names of the queues that the values name.
    #[getter]
    fn queues(&self) -> Vec<String> {
        self.loaded.queues()
    }

    /// Whether they were loaded with values.
    #[getter]
    fn has_values(&self) -> bool {
        self.loaded.installation.is_some()
    }

    /// The names of the rules, in the order in which they run.
    #[getter]
    fn names(&self) -> Vec<&str> {
        self.loaded.plan.rules.iter().map(|rule| rule.name.as_str()).collect()
    }

    /// What loading them warned of.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.loaded.warnings.iter().map(|warning| errors::line(warning, &self.loaded.sources)).collect()
    }

    /// The base Pod template that the values make for a queue.
    fn template<'py>(&self, py: Python<'py>, queue_name: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::write(py, &self.installation()?.template(queue_name).to_value())
    }

    /// Runs the rules of one stage on a Pod, which stays as it is.
    #[pyo3(signature = (pod, *, stage, task, queue="", queue_name="", providers_info=None, task_config=None, worker=None, namespace=None, task_data=None))]
    #[allow(clippy::too_many_arguments, reason = "they are the keywords of Python's signature")]
    fn edit<'py>(
        &self,
        py: Python<'py>,
        pod: &Bound<'py, PyAny>,
        stage: &str,
        task: &Bound<'py, PyAny>,
        queue: &str,
        queue_name: &str,
        providers_info: Option<&Bound<'py, PyAny>>,
        task_config: Option<&Bound<'py, PyAny>>,
        worker: Option<&Bound<'py, PyAny>>,
        namespace: Option<&str>,
        task_data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Edited> {
        let stage = match stage {
            "template" => RuleStage::Template,
            "pod" => RuleStage::Pod,
            other => return Err(PyValueError::new_err(format!("stage must be template or pod, not {other}"))),
        };
        let given =
            Given { task, queue, queue_name, providers: providers_info, config: task_config, worker, namespace };
        let (pod, mut context) = (document(pod, "pod")?, given.context(&self.loaded, false)?);
        own_name(&pod, &mut context);
        if namespace.is_none() {
            own_namespace(&pod, &mut context);
        }
        let (outcome, more) = self.run(
            py,
            || given.arguments(task_data),
            |loaded, hooks| loaded.plan.run_stage(pod, &context, Options { hooks, trace: false }, stage),
        )?;
        let applied = outcome.rules.iter().filter(|trace| matches!(trace.status, Status::Applied));
        Ok(Edited {
            pod: convert::write(py, &outcome.pod)?.unbind(),
            companions: results::companions(py, &outcome.companions, &self.loaded)?,
            applied: applied.map(|trace| self.loaded.plan.rules[trace.rule as usize].name.clone()).collect(),
            warnings: self.warnings_of(&outcome, more),
            log: results::log(&outcome, &self.loaded),
        })
    }

    /// Makes the Pod that a task will run in, of the queue's template or of one that is given.
    #[pyo3(signature = (task, *, queue_name=None, queue="", template=None, providers_info=None, task_config=None, worker=None, namespace=None))]
    #[allow(clippy::too_many_arguments, reason = "they are the keywords of Python's signature")]
    fn render<'py>(
        &self,
        py: Python<'py>,
        task: &Bound<'py, PyAny>,
        queue_name: Option<&str>,
        queue: &str,
        template: Option<&Bound<'py, PyAny>>,
        providers_info: Option<&Bound<'py, PyAny>>,
        task_config: Option<&Bound<'py, PyAny>>,
        worker: Option<&Bound<'py, PyAny>>,
        namespace: Option<&str>,
    ) -> PyResult<Rendered> {
        let mut found = Diagnostics::new();
        let queue_name = self.queue_name(queue_name, &mut found)?;
        let template = match template.filter(|template| !template.is_none()) {
            Some(template) => Node::made(&document(template, "template")?, Span::NOWHERE),
            None => self.installation()?.template(&queue_name),
        };
        let given = Given {
            task,
            queue,
            queue_name: &queue_name,
            providers: providers_info,
            config: task_config,
            worker,
            namespace,
        };
        let (pod, mut context) = (template.to_value(), given.context(&self.loaded, true)?);
        if namespace.is_none() {
            own_namespace(&pod, &mut context);
        }
        let (outcome, more) = self.run(
            py,
            || given.arguments(None),
            |loaded, hooks| loaded.plan.run(pod, &context, Options { hooks, trace: true }),
        )?;
        for warning in more {
            let mut diagnostic = Diagnostic::new(Code::LimitExceeded, warning);
            diagnostic.severity = podrules::diagnostic::Severity::Warning;
            found.push(diagnostic);
        }
        Rendered::new(py, self.loaded.clone(), context, template, outcome, found)
    }

    fn __len__(&self) -> usize {
        self.loaded.plan.rules.len()
    }

    fn __repr__(&self) -> String {
        format!("<Rules: {} rules, {} queues>", self.loaded.plan.rules.len(), self.loaded.queues().len())
    }

    fn _repr_html_(&self) -> String {
        let rows = self.loaded.plan.rules.iter().map(|rule| {
            let queues = match rule.selector.is_everything() {
                true => "every queue".to_owned(),
                false => rule.selector.written(),
            };
            let mut notes = Vec::new();
            if !rule.enabled {
                notes.push("switched off");
            }
            if rule.mode == Mode::Audit {
                notes.push("audit");
            }
            if rule.stage == RuleStage::Pod {
                notes.push("stage pod");
            }
            if !rule.companions.is_empty() {
                notes.push("has companions");
            }
            let what = rule.description.clone().unwrap_or_default();
            vec![rule.name.clone(), queues, self.loaded.sources.file_line(rule.span), notes.join(", "), what]
        });
        let mut out = html::table(&["Rule", "Queues", "File", "", "Description"], &rows.collect::<Vec<_>>(), true);
        let queues = self.loaded.queues();
        if !queues.is_empty() {
            let rows: Vec<Vec<String>> = queues.into_iter().map(|queue| vec![queue]).collect();
            out.push_str(&html::table(&["Queues of the values"], &rows, false));
        }
        out
    }
}

/// A Pod that has a name keeps it: an agent may have a prefix of its own.
fn own_name(pod: &Value, context: &mut Context) {
    context.name = pod.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
}

/// A template may say itself where its Pods go.
fn own_namespace(pod: &Value, context: &mut Context) {
    if let Some(namespace) = pod.pointer("/metadata/namespace").and_then(Value::as_str) {
        namespace.clone_into(&mut context.namespace);
    }
}

/// The names of the rules that run on the complete Pod only.
#[pyfunction]
pub fn pod_rules(rules: &Rules) -> Vec<&str> {
    rules.loaded.rules_of(RuleStage::Pod)
}

/// What `update_template` does: the new template, and the lines to print.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the arguments of ClearML's hook")]
pub fn update<'py>(
    py: Python<'py>,
    rules: &Rules,
    queue: &str,
    queue_name: &str,
    template: &Bound<'py, PyAny>,
    task_data: &Bound<'py, PyAny>,
    providers_info: Option<&Bound<'py, PyAny>>,
    task_config: Option<&Bound<'py, PyAny>>,
    worker: Option<&Bound<'py, PyAny>>,
    task_dict: Option<&Bound<'py, PyAny>>,
    more: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
    let task = task_dict.filter(|task| !task.is_none()).unwrap_or(task_data);
    let given =
        Given { task, queue, queue_name, providers: providers_info, config: task_config, worker, namespace: None };
    let (pod, mut context) = (document(template, "template")?, given.context(&rules.loaded, false)?);
    own_namespace(&pod, &mut context);
    let all = || {
        let all = more.copy()?;
        all.set_item("queue", queue)?;
        all.set_item("queue_name", queue_name)?;
        all.set_item("task_data", task_data)?;
        all.set_item("providers_info", providers_info)?;
        all.set_item("task_config", task_config)?;
        all.set_item("worker", worker)?;
        if let Some(task_dict) = task_dict {
            all.set_item("task_dict", task_dict)?;
        }
        Ok(all)
    };
    let (outcome, warnings) = rules.run(py, all, |loaded, hooks| {
        loaded.plan.run_stage(pod, &context, Options { hooks, trace: false }, RuleStage::Template)
    })?;
    if let Some(companion) = outcome.companions.first() {
        let rule = &rules.loaded.plan.rules[companion.rule as usize];
        let message = "its companions can't be created: ClearML's own agent has no place for them";
        let diagnostic = Diagnostic::new(Code::Unsupported, message).at(rule.span).rule(rule.name.clone());
        return Err(rules.fails(py, diagnostic.help("use podrules' own agent, or create the objects beforehand")));
    }
    let logged = results::log(&outcome, &rules.loaded);
    let mut lines: Vec<String> = logged.into_iter().map(|(rule, line)| format!("rule {rule}: {line}")).collect();
    lines.extend(rules.warnings_of(&outcome, warnings).into_iter().map(|warning| format!("warning: {warning}")));
    Ok((convert::write(py, &outcome.pod)?, lines))
}

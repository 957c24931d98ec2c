//! Rules, for Python.

use crate::context::Given;
use crate::convert::{self, Take};
use crate::hooks::InProcess;
use crate::results::{self, Edited, Rendered, counted};
use crate::{detached, errors, html};
use podrules::context::Context;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Span};
use podrules::hook::Hooks;
use podrules::installation::{Installation, Prepared};
use podrules::rules::RuleStage;
use podrules::run::{Outcome, Status};
use podrules::source::Node;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use std::sync::Arc;

/// Compiled rules, and the values they were loaded with. They are never changed, and may be shared by threads.
#[pyclass(frozen, module = "podrules")]
pub struct Rules {
    installation: Arc<Installation>,
}

impl Rules {
    /// Of what was loaded.
    pub fn new(installation: Installation) -> Self {
        Rules { installation: Arc::new(installation) }
    }

    /// The template that the values make for a queue.
    fn base(&self, queue_name: &str) -> PyResult<Arc<Node>> {
        self.installation.template(queue_name).ok_or_else(|| {
            PyValueError::new_err("these rules were loaded without values: give a template, or load(..., values=[...])")
        })
    }

    fn fails(&self, py: Python<'_>, diagnostic: Diagnostic) -> PyErr {
        errors::rules_error(py, &[diagnostic], 0, self.installation.sources())
    }

    /// The failure of a run, with what was logged until then.
    fn failed(&self, py: Python<'_>, failure: &Diagnostic, outcome: &Outcome) -> PyErr {
        let error = self.fails(py, failure.clone());
        // An exception without its log is still worth raising.
        let _ = error.value(py).setattr("log", results::log(outcome, &self.installation));
        error
    }

    /// Runs rules while other threads run Python. The arguments of hooks are made only if there are hooks.
    fn run<'py, R: AsRef<Outcome> + Send>(
        &self,
        py: Python<'py>,
        arguments: impl FnOnce() -> PyResult<Bound<'py, PyDict>>,
        work: impl FnOnce(&Installation, Option<&dyn Hooks>) -> R + Send,
    ) -> PyResult<(R, Vec<String>)> {
        let installation = &*self.installation;
        if !installation.has_hooks() {
            let result = detached(py, || work(installation, None))?;
            return match &result.as_ref().failure {
                Some(failure) => Err(self.failed(py, failure, result.as_ref())),
                None => Ok((result, Vec::new())),
            };
        }
        let hooks = InProcess::new(arguments()?.unbind());
        let result = detached(py, || work(installation, Some(&hooks)))?;
        let (cause, interrupted) = hooks.last(py);
        if interrupted && let Some(interrupt) = cause {
            return Err(interrupt);
        }
        if let Some(failure) = &result.as_ref().failure {
            let error = self.failed(py, failure, result.as_ref());
            if matches!(failure.code, Code::HookFailed | Code::HookImport) {
                error.set_cause(py, cause);
            }
            return Err(error);
        }
        Ok((result, hooks.warnings(py)))
    }

    fn warnings_of(&self, outcome: &Outcome, mut more: Vec<String>) -> Vec<String> {
        let own = outcome.warnings.iter().map(|warning| errors::line(warning, self.installation.sources()));
        let mut warnings: Vec<String> = own.collect();
        warnings.append(&mut more);
        warnings
    }
}

/// A dict for rules to edit.
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
        self.installation.queues().into_iter().map(str::to_owned).collect()
    }

    /// Whether they were loaded with values.
    #[getter]
    fn has_values(&self) -> bool {
        self.installation.values().is_some()
    }

    /// The names of the rules, in the order in which they run.
    #[getter]
    fn names(&self) -> Vec<&str> {
        self.installation.rules().map(|rule| rule.name).collect()
    }

    /// The warnings that loading them gave.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.installation.warnings().iter().map(|warning| errors::line(warning, self.installation.sources())).collect()
    }

    /// The template that the values make for a queue.
    fn template<'py>(&self, py: Python<'py>, queue_name: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::write(py, &self.base(queue_name)?.to_value())
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
        let (pod, mut context) = (document(pod, "pod")?, given.context(&self.installation, false)?);
        own_name(&pod, &mut context);
        if namespace.is_none() {
            own_namespace(&pod, &mut context);
        }
        let (outcome, more) = self.run(
            py,
            || given.arguments(task_data),
            |installation, hooks| installation.run_stage(pod, &context, stage, hooks),
        )?;
        let applied = outcome.rules.iter().filter(|trace| matches!(trace.status, Status::Applied));
        Ok(Edited {
            pod: convert::write(py, &outcome.pod)?.unbind(),
            companions: results::companions(py, &outcome.companions, &self.installation)?,
            applied: applied.map(|trace| self.installation.plan().rules[trace.rule as usize].name.clone()).collect(),
            warnings: self.warnings_of(&outcome, more),
            log: results::log(&outcome, &self.installation),
        })
    }

    /// Makes the Pod that a task will run in, from the queue's template or from one that is given.
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
        let meant = self
            .installation
            .queue(queue_name)
            .map_err(|which| PyValueError::new_err(format!("{}: name one with queue_name", which.message)))?;
        let mut found = Diagnostics::new();
        found.extend(meant.warning);
        let queue_name = meant.name;
        let template = match template.filter(|template| !template.is_none()) {
            Some(template) => Arc::new(Node::made(&document(template, "template")?, Span::NOWHERE)),
            None => self.base(&queue_name)?,
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
        let mut context = given.context(&self.installation, true)?;
        if namespace.is_none() {
            own_namespace(&template.to_value(), &mut context);
        }
        let prepared = Prepared { template, context };
        let (rendered, more) =
            self.run(py, || given.arguments(None), |installation, hooks| installation.render(prepared, hooks))?;
        for warning in more {
            let mut diagnostic = Diagnostic::new(Code::LimitExceeded, warning);
            diagnostic.severity = Severity::Warning;
            found.push(diagnostic);
        }
        Rendered::new(py, self.installation.clone(), rendered, found)
    }

    fn __len__(&self) -> usize {
        self.installation.plan().rules.len()
    }

    fn __repr__(&self) -> String {
        let (rules, queues) = (self.installation.plan().rules.len(), self.installation.queues().len());
        format!("<Rules: {}, {}>", counted(rules, "rule"), counted(queues, "queue"))
    }

    fn _repr_html_(&self) -> String {
        let rows = self.installation.rules().map(|rule| {
            let notes = [
                (!rule.enabled, "switched off"),
                (rule.audit, "audit"),
                (rule.stage == RuleStage::Pod, "stage pod"),
                (rule.companions > 0, "has companions"),
            ];
            let notes: Vec<&str> = notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect();
            let queues = rule.queues.unwrap_or_else(|| "every queue".to_owned());
            let what = rule.description.unwrap_or_default().to_owned();
            vec![rule.name.to_owned(), queues, rule.place, notes.join(", "), what]
        });
        let mut out = html::table(&["Rule", "Queues", "File", "", "Description"], &rows.collect::<Vec<_>>(), true);
        let rows: Vec<Vec<String>> = self.queues().into_iter().map(|queue| vec![queue]).collect();
        if !rows.is_empty() {
            out.push_str(&html::table(&["Queues of the values"], &rows, false));
        }
        out
    }
}

/// A Pod that has a name keeps it: an agent may have a prefix of its own.
fn own_name(pod: &Value, context: &mut Context) {
    context.name = pod.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
}

/// A template may name the namespace of its Pods.
fn own_namespace(pod: &Value, context: &mut Context) {
    if let Some(namespace) = pod.pointer("/metadata/namespace").and_then(Value::as_str) {
        namespace.clone_into(&mut context.namespace);
    }
}

/// The names of the rules that run on the complete Pod only.
#[pyfunction]
pub fn pod_rules(rules: &Rules) -> Vec<&str> {
    rules.installation.rules().filter(|rule| rule.stage == RuleStage::Pod).map(|rule| rule.name).collect()
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
    let (pod, mut context) = (document(template, "template")?, given.context(&rules.installation, false)?);
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
    let (outcome, warnings) =
        rules.run(py, all, |installation, hooks| installation.run_stage(pod, &context, RuleStage::Template, hooks))?;
    if let Some(companion) = outcome.companions.first() {
        let rule = &rules.installation.plan().rules[companion.rule as usize];
        let message = "its companions can't be created: ClearML's own agent only takes a template";
        let diagnostic = Diagnostic::new(Code::Unsupported, message).at(rule.span).rule(rule.name.clone());
        return Err(rules.fails(py, diagnostic.help("use podrules' own agent, or create the objects beforehand")));
    }
    let logged = results::log(&outcome, &rules.installation);
    let mut lines: Vec<String> = logged.into_iter().map(|(rule, line)| format!("rule {rule}: {line}")).collect();
    lines.extend(rules.warnings_of(&outcome, warnings).into_iter().map(|warning| format!("warning: {warning}")));
    Ok((convert::write(py, &outcome.pod)?, lines))
}

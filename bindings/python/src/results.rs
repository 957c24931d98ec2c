//! What came of rules, for Python.

use crate::loaded::Loaded;
use crate::{convert, detached, errors, html};
use podrules::context::Context;
use podrules::diagnostic::{Diagnostic, Diagnostics, Severity, Sources, render};
use podrules::explain::Explanation;
use podrules::lifetime::Lifetime;
use podrules::plan;
use podrules::run::{Companion as Made, Options, Outcome, Status};
use podrules::source::Node;
use podrules::{explain, output};
use pyo3::prelude::*;
use serde_json::Value;
use std::sync::Arc;

/// An object that is to be created before the Pod.
#[pyclass(frozen, module = "podrules")]
pub struct Companion {
    /// How long it lives: `pod`, `task` or `keep`.
    #[pyo3(get)]
    lifetime: &'static str,
    /// The object.
    #[pyo3(get)]
    manifest: Py<PyAny>,
    /// The rule that asks for it.
    #[pyo3(get)]
    rule: String,
}

#[pymethods]
impl Companion {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let kind = self.manifest.bind(py).get_item("kind")?;
        Ok(format!("<Companion {kind} of the rule {}, lifetime {}>", self.rule, self.lifetime))
    }
}

/// The companions of a run.
pub fn companions(py: Python<'_>, made: &[Made], loaded: &Loaded) -> PyResult<Vec<Py<Companion>>> {
    let companions = made.iter().map(|companion| {
        Py::new(
            py,
            Companion {
                lifetime: lifetime(companion.lifetime),
                manifest: convert::write(py, &companion.manifest)?.unbind(),
                rule: loaded.plan.rules[companion.rule as usize].name.clone(),
            },
        )
    });
    companions.collect()
}

fn lifetime(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Pod => "pod",
        Lifetime::Task => "task",
        Lifetime::Keep => "keep",
    }
}

/// What a run's rules logged, each line with the rule's name; audited rules say what they would have changed.
pub fn log(outcome: &Outcome, loaded: &Loaded) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for trace in &outcome.rules {
        let rule = &loaded.plan.rules[trace.rule as usize].name;
        lines.extend(trace.log.iter().map(|line| (rule.clone(), shown(line))));
        if let Status::Audited(would) = &trace.status {
            lines.extend(
                would.iter().map(|change| (rule.clone(), shown(&format!("audit: {}", explain::describe(change))))),
            );
        }
    }
    lines
}

/// The result of the rules of one stage.
#[pyclass(frozen, module = "podrules", get_all)]
pub struct Edited {
    /// The Pod.
    pub pod: Py<PyAny>,
    /// What is to be created before it.
    pub companions: Vec<Py<Companion>>,
    /// The names of the rules that were applied.
    pub applied: Vec<String>,
    /// What is worth a warning.
    pub warnings: Vec<String>,
    /// What the rules logged.
    pub log: Vec<(String, String)>,
}

#[pymethods]
impl Edited {
    fn __repr__(&self) -> String {
        format!("<Edited by {} rules>", self.applied.len())
    }
}

/// The Pod that a task will run in, and how it came about.
#[pyclass(frozen, module = "podrules")]
pub struct Rendered {
    loaded: Arc<Loaded>,
    context: Context,
    template: Node,
    outcome: Outcome,
    findings: Vec<Diagnostic>,
    #[pyo3(get)]
    pod: Py<PyAny>,
    #[pyo3(get)]
    companions: Vec<Py<Companion>>,
}

impl Rendered {
    /// Checks the Pod and makes Python's objects. Findings so far, of the queue and of hooks, are given.
    pub fn new(
        py: Python<'_>,
        loaded: Arc<Loaded>,
        context: Context,
        template: Node,
        outcome: Outcome,
        mut found: Diagnostics,
    ) -> PyResult<Self> {
        found.extend(outcome.warnings.iter().cloned());
        let fields = explain::Fields::new(&loaded.plan, &template, &outcome);
        explain::check(&outcome, &fields, &mut found);
        let (pod, companions) =
            (convert::write(py, &outcome.pod)?.unbind(), companions(py, &outcome.companions, &loaded)?);
        Ok(Rendered { loaded, context, template, outcome, findings: found.into_vec(), pod, companions })
    }

    fn explanation(&self) -> Explanation<'_> {
        Explanation {
            plan: &self.loaded.plan,
            context: &self.context,
            template: &self.template,
            outcome: &self.outcome,
            sources: &self.loaded.sources,
        }
    }
}

fn documents(outcome: &Outcome) -> String {
    let objects: Vec<Value> =
        outcome.companions.iter().map(|c| c.manifest.clone()).chain([outcome.pod.clone()]).collect();
    output::documents(&objects)
}

#[pymethods]
impl Rendered {
    /// The companions and the Pod as YAML documents.
    fn yaml(&self) -> String {
        documents(&self.outcome)
    }

    /// What the rules changed: the difference to the Pod that no rule has touched.
    fn diff(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || {
            let none = plan::compile(&Sources::new(), None, &[], &mut Diagnostics::new());
            let before = none.run(self.template.to_value(), &self.context, Options::default());
            output::unified(&documents(&before), &documents(&self.outcome), "without rules", "with rules", false)
        })
    }

    /// What became of each rule, and who wrote each line of the Pod, as `podrules explain` prints it.
    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.explanation().text(false))
    }

    /// What is wrong with the Pod or worth a warning, as dicts.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::write(py, &render::json(&self.findings, &self.loaded.sources))
    }

    fn __repr__(&self) -> String {
        let errors = self.findings.iter().filter(|found| found.severity == Severity::Error).count();
        let companions = self.outcome.companions.len();
        format!("<Rendered {}: {companions} companions, {errors} errors>", self.context.pod_name())
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || {
            let found = self
                .findings
                .iter()
                .map(|found| vec![found.severity.word().to_owned(), errors::line(found, &self.loaded.sources)]);
            let (found, title) = (found.collect::<Vec<_>>(), format!("Pod of the task {}", self.context.task_id()));
            let lines: Vec<Vec<String>> =
                self.explanation().lines().into_iter().map(|(line, words)| vec![line, words]).collect();
            let mut out = String::new();
            if !found.is_empty() {
                out.push_str(&html::table(&["", "Finding"], &found, false));
            }
            out.push_str(&html::table(&[&title, "written by"], &lines, true));
            out
        })
    }
}

/// A line without what a terminal would act upon.
fn shown(line: &str) -> String {
    render::printable_line(line).into_owned()
}

//! The results of rules, for Python.

use crate::{convert, detached, errors, html};
use podrules::diagnostic::{Diagnostics, Severity, render};
use podrules::explain::Explanation;
use podrules::installation::{self, Installation};
use podrules::lifetime::Lifetime;
use podrules::run::{Companion as Made, Outcome, Status};
use podrules::{explain, output};
use pyo3::prelude::*;
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
pub fn companions(py: Python<'_>, made: &[Made], installation: &Installation) -> PyResult<Vec<Py<Companion>>> {
    let companions = made.iter().map(|companion| {
        Py::new(
            py,
            Companion {
                lifetime: lifetime(companion.lifetime),
                manifest: convert::write(py, &companion.manifest)?.unbind(),
                rule: installation.plan().rules[companion.rule as usize].name.clone(),
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
pub fn log(outcome: &Outcome, installation: &Installation) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for trace in &outcome.rules {
        let rule = &installation.plan().rules[trace.rule as usize].name;
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
        format!("<Edited by {}>", counted(self.applied.len(), "rule"))
    }
}

/// The Pod that a task will run in, and how it came about.
#[pyclass(frozen, module = "podrules")]
pub struct Rendered {
    installation: Arc<Installation>,
    rendered: installation::Rendered,
    #[pyo3(get)]
    pod: Py<PyAny>,
    #[pyo3(get)]
    companions: Vec<Py<Companion>>,
}

impl Rendered {
    /// Makes Python's objects. `found`, warnings about the queue and hooks, comes before the findings of the render.
    pub fn new(
        py: Python<'_>,
        installation: Arc<Installation>,
        mut rendered: installation::Rendered,
        mut found: Diagnostics,
    ) -> PyResult<Self> {
        found.append(std::mem::take(&mut rendered.findings));
        rendered.findings = found;
        let outcome = &rendered.outcome;
        let pod = convert::write(py, &outcome.pod)?.unbind();
        let companions = companions(py, &outcome.companions, &installation)?;
        Ok(Rendered { installation, rendered, pod, companions })
    }

    fn explanation(&self) -> Explanation<'_> {
        self.installation.explain(&self.rendered)
    }
}

#[pymethods]
impl Rendered {
    /// The companions and the Pod as YAML documents.
    fn yaml(&self) -> String {
        output::documents(&installation::objects(&self.rendered.outcome, false))
    }

    /// What the rules changed: the difference to the Pod without rules.
    fn diff(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.installation.difference(&self.rendered, false, false))
    }

    /// What each rule did, and who wrote each line of the Pod, as `podrules explain` prints it.
    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.explanation().text(false))
    }

    /// What is wrong with the Pod or worth a warning, as dicts.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let findings: Vec<_> = self.rendered.findings.iter().cloned().collect();
        convert::write(py, &render::json(&findings, self.installation.sources()))
    }

    fn __repr__(&self) -> String {
        let errors = self.rendered.findings.iter().filter(|found| found.severity == Severity::Error).count();
        let companions = counted(self.rendered.outcome.companions.len(), "companion");
        format!("<Rendered {}: {companions}, {}>", self.rendered.context.pod_name(), counted(errors, "error"))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || {
            let found =
                self.rendered.findings.iter().map(|found| {
                    vec![found.severity.word().to_owned(), errors::line(found, self.installation.sources())]
                });
            let title = format!("Pod of the task {}", self.rendered.context.task_id());
            let found = found.collect::<Vec<_>>();
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

/// A number with its noun, in the singular or the plural.
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A line without what a terminal would interpret.
fn shown(line: &str) -> String {
    render::printable_line(line).into_owned()
}

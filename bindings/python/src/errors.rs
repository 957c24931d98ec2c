//! What is wrong, as Python's `podrules.RulesError`.

use crate::convert;
use podrules::diagnostic::{Code, Diagnostic, Severity, Sources, render};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// An exception with everything that was found.
pub fn rules_error(py: Python<'_>, found: &[Diagnostic], dropped: usize, sources: &Sources) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let make = || -> PyResult<PyErr> {
        let class = CLASS.import(py, "podrules._errors", "RulesError")?;
        let data = convert::write(py, &render::json(found, sources))?;
        Ok(PyErr::from_type(class.clone(), (report(found, dropped, sources), summary(found, sources), data.unbind())))
    };
    make().unwrap_or_else(|error| error)
}

/// One mistake in what was given, which is in no file.
pub fn input_error(py: Python<'_>, message: String, help: Option<&str>) -> PyErr {
    let diagnostic = Diagnostic::new(Code::Input, message);
    let diagnostic = match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    };
    rules_error(py, &[diagnostic], 0, &Sources::new())
}

/// The full report.
fn report(found: &[Diagnostic], dropped: usize, sources: &Sources) -> String {
    let mut text = render::human(found, sources, false);
    if found.len() + dropped > 1 {
        text.push_str(&render::summary(found));
        if dropped > 0 {
            text.push_str(&format!(", and {dropped} more that are not shown"));
        }
    }
    text.trim_end().to_owned()
}

/// The first mistake in one line.
fn summary(found: &[Diagnostic], sources: &Sources) -> String {
    let errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let more = errors.clone().count().saturating_sub(1);
    let Some(first) = errors.clone().next().or(found.first()) else { return String::new() };
    match more {
        0 => line(first, sources),
        1 => format!("{} (and 1 more error)", line(first, sources)),
        more => format!("{} (and {more} more errors)", line(first, sources)),
    }
}

/// A finding in one line, with its rule and its place.
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.primary.as_ref().map(|label| label.span).filter(|span| sources.has(span.file));
    let at = span.map(|span| sources.file_line(span));
    let text = match (&diagnostic.rule, at) {
        (Some(rule), Some(at)) => format!("rule `{rule}` ({at}): {}", diagnostic.message),
        (Some(rule), None) => format!("rule `{rule}`: {}", diagnostic.message),
        (None, Some(at)) => format!("{at}: {}", diagnostic.message),
        (None, None) => diagnostic.message.clone(),
    };
    render::printable_line(&text).into_owned()
}

//! podrules in Python. The package `podrules` is the face of this module; see python/podrules.
//!
//! ```text
//! loaded ─ files to an installation     context ─ Python's task, configuration, worker to a Context
//! rules ─ an installation for Python    hooks ─ Python functions that rules call
//! results ─ Pods and explanations       convert ─ dicts to JSON and back
//! ```

mod context;
mod convert;
mod errors;
mod hooks;
mod html;
mod loaded;
mod results;
mod rules;

use convert::Take;
use podrules::diagnostic::{Severity, Sources};
use podrules::{explain, pod};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reads and compiles files; `problems` are paths that name none.
#[pyfunction]
fn load(
    py: Python<'_>,
    rules: Vec<String>,
    values: Vec<String>,
    problems: Vec<loaded::Problem>,
) -> PyResult<rules::Rules> {
    match detached(py, || loaded::load(&rules, &values, problems))? {
        Ok(installation) => Ok(rules::Rules::new(installation)),
        Err(mistakes) => {
            let (dropped, sources) = (mistakes.found.dropped(), &mistakes.sources);
            Err(errors::rules_error(py, &mistakes.found.into_vec(), dropped, sources))
        }
    }
}

/// What the API server would refuse in a Pod, one line each.
#[pyfunction]
fn check(pod: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let value = match convert::read(pod, Take::Json) {
        Ok(value) if value.is_object() => value,
        Ok(_) => return Err(PyTypeError::new_err(format!("pod must be a dict, not {}", convert::type_name(pod)))),
        Err(refused) => return Ok(vec![refused.message()]),
    };
    let found = detached(pod.py(), || pod::check::check(&value))?;
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    Ok(errors.map(|finding| errors::line(&explain::of_finding(finding), &Sources::new())).collect())
}

/// The text as the value of a Kubernetes label, as everywhere in podrules: two texts never become one.
#[pyfunction]
fn label_value(text: &str) -> String {
    pod::names::label_value(text)
}

/// Reads a Python value as JSON and writes it back: for tests of the conversion.
#[pyfunction]
#[pyo3(name = "convert", signature = (value, clearml=false))]
fn convert_again<'py>(value: &Bound<'py, PyAny>, clearml: bool) -> PyResult<Bound<'py, PyAny>> {
    let take = if clearml { Take::ClearMl } else { Take::Json };
    match convert::read(value, take) {
        Ok(read) => convert::write(value.py(), &read),
        Err(refused) => Err(pyo3::exceptions::PyValueError::new_err(refused.message())),
    }
}

/// Lets other threads run Python while the engine works. If the engine panics, only this task fails: PyO3 would raise what Python
/// doesn't count as an `Exception`, which would end the agent.
fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work)))
        .map_err(|_| PyRuntimeError::new_err("a bug in podrules: the panic is on stderr"))
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<rules::Rules>()?;
    module.add_class::<results::Rendered>()?;
    module.add_class::<results::Edited>()?;
    module.add_class::<results::Companion>()?;
    module.add_function(wrap_pyfunction!(load, module)?)?;
    module.add_function(wrap_pyfunction!(rules::update, module)?)?;
    module.add_function(wrap_pyfunction!(rules::pod_rules, module)?)?;
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(label_value, module)?)?;
    module.add_function(wrap_pyfunction!(convert_again, module)?)?;
    Ok(())
}

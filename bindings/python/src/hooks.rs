//! Python hooks, called in this process with the agent's own objects.

use crate::convert::{self, Take};
use podrules::context::Context;
use podrules::diagnostic::{Code, did_you_mean};
use podrules::hook::{Answer, Hook, HookFault, Hooks};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::PyDict;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Instant;

/// Calls hooks in this process, for one run of rules.
pub struct InProcess {
    /// The keyword arguments except the template.
    arguments: Py<PyDict>,
    record: Mutex<CallRecord>,
}

/// What the calls left beside their answers.
#[derive(Default)]
struct CallRecord {
    /// Warnings about calls that exceeded their timeout.
    warnings: Vec<String>,
    /// The exception that a hook raised last.
    last: Option<PyErr>,
    /// Whether a hook raised KeyboardInterrupt.
    interrupted: bool,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    /// Passes these arguments to each hook, beside the template.
    pub fn new(arguments: Py<PyDict>) -> Self {
        InProcess { arguments, record: Mutex::default() }
    }

    /// Takes the warnings of the calls.
    pub fn warnings(&self, py: Python<'_>) -> Vec<String> {
        self.with(py, |record| std::mem::take(&mut record.warnings))
    }

    /// Takes the exception that a hook raised last, and returns whether a hook was interrupted (Ctrl-C).
    pub fn last(&self, py: Python<'_>) -> (Option<PyErr>, bool) {
        self.with(py, |record| (record.last.take(), record.interrupted))
    }

    fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&mut CallRecord) -> T) -> T {
        // A thread that panicked with the lock held has left complete values.
        let mut record = self.record.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner());
        work(&mut record)
    }

    fn run(&self, py: Python<'_>, hook: &Hook, template: &Value) -> Result<Value, HookFault> {
        let function = self.function(py, hook)?;
        let internal = |error: PyErr| HookFault::new(Code::Python, format!("can't be called: {error}"));
        let arguments = self.arguments.bind(py).copy().map_err(internal)?;
        let template = convert::write(py, template).map_err(internal)?;
        arguments.set_item("template", template).map_err(internal)?;
        let start = Instant::now();
        let result = function.call((), Some(&arguments));
        let took = start.elapsed();
        if took > hook.timeout {
            let warning = format!(
                "the hook {} took {:.1} s, longer than its timeout of {:.1} s; a hook in the agent's process can't be stopped",
                hook.function,
                took.as_secs_f64(),
                hook.timeout.as_secs_f64()
            );
            self.with(py, |record| record.warnings.push(warning));
        }
        match result {
            Ok(returned) => answer(&returned),
            Err(error) => Err(self.fault(py, Code::HookFailed, hook, error)),
        }
    }

    fn function<'py>(&self, py: Python<'py>, hook: &Hook) -> Result<Bound<'py, PyAny>, HookFault> {
        let (module_name, name) = (hook.function.module.as_str(), hook.function.name.as_str());
        let module = py.import(module_name).map_err(|error| self.fault(py, Code::HookImport, hook, error))?;
        let Ok(function) = module.getattr(name) else {
            let mut fault = HookFault::new(Code::HookImport, format!("can't be found: {module_name} has no `{name}`"));
            let names = module.dir().ok().and_then(|names| names.extract::<Vec<String>>().ok()).unwrap_or_default();
            let public = names.iter().map(String::as_str).filter(|name| !name.starts_with('_'));
            fault.help = did_you_mean(name, public).map(|near| format!("did you mean {module_name}:{near}?"));
            return Err(fault);
        };
        if !function.is_callable() {
            let kind = convert::type_name(&function);
            return Err(HookFault::new(Code::HookImport, format!("can't be called: it is a {kind}, not a function")));
        }
        Ok(function)
    }

    /// The fault for an exception, described by Python's `traceback` module.
    fn fault(&self, py: Python<'_>, code: Code, hook: &Hook, error: PyErr) -> HookFault {
        static DESCRIBE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let describe = || -> PyResult<(String, String, Option<String>)> {
            let describe = DESCRIBE.import(py, "podrules._describe", "describe")?;
            // Before 3.12 an exception has no traceback until it is caught.
            error.value(py).setattr("__traceback__", error.traceback(py))?;
            describe.call1((error.value(py), hook.function.module.as_str(), code == Code::HookImport))?.extract()
        };
        let (message, traceback, help) =
            describe().unwrap_or_else(|_| (format!("raised {error}"), String::new(), None));
        let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
        self.with(py, |record| {
            record.interrupted |= interrupted;
            record.last = Some(error);
        });
        let mut fault = HookFault::new(code, message);
        fault.traceback = Some(traceback).filter(|text| !text.is_empty());
        fault.help = help;
        fault
    }
}

impl Hooks for InProcess {
    fn call(&self, hook: &Hook, template: &Value, _: &Context) -> Answer {
        Answer { template: Python::attach(|py| self.run(py, hook, template)), log: Vec::new() }
    }
}

/// The template in what a hook returned.
fn answer(returned: &Bound<'_, PyAny>) -> Result<Value, HookFault> {
    let wrong = |message: String| HookFault::new(Code::HookResult, message);
    if returned.is_none() {
        return Err(wrong("returned None; expected {\"template\": template}".to_owned()));
    }
    let Ok(result) = returned.cast::<PyDict>() else {
        return Err(wrong(format!(
            "returned a value of type {}; expected {{\"template\": template}}",
            convert::type_name(returned)
        )));
    };
    let template = match result.get_item("template") {
        Ok(Some(template)) => template,
        _ if result.contains("spec").unwrap_or(false) => {
            return Err(wrong("returned the template itself, without {\"template\": …} around it".to_owned()));
        }
        _ => return Err(wrong("returned a dict without the key \"template\"".to_owned())),
    };
    if template.is_none() {
        return Err(wrong("returned None as the template".to_owned()));
    }
    match convert::read(&template, Take::Json) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong(format!("returned a template of type {}, not a dict", convert::type_name(&template)))),
        Err(refused) => Err(HookFault::new(
            Code::HookResult,
            format!("returned a template that isn't valid JSON: {}", refused.message()),
        )),
    }
}

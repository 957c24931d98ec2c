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

/// Calls hooks for one run of rules.
pub struct InProcess {
    /// The keyword arguments, but for the template.
    arguments: Py<PyDict>,
    said: Mutex<Said>,
}

/// What came of the calls, beside their answers.
#[derive(Default)]
struct Said {
    warnings: Vec<String>,
    last: Option<PyErr>,
    interrupted: bool,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    /// Hooks get these arguments as they are.
    pub fn new(arguments: Py<PyDict>) -> Self {
        InProcess { arguments, said: Mutex::default() }
    }

    /// What is worth a warning.
    pub fn warnings(&self, py: Python<'_>) -> Vec<String> {
        self.with(py, |said| std::mem::take(&mut said.warnings))
    }

    /// The exception of the last hook that raised one, and whether it is somebody's wish to stop.
    pub fn last(&self, py: Python<'_>) -> (Option<PyErr>, bool) {
        self.with(py, |said| (said.last.take(), said.interrupted))
    }

    fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&mut Said) -> T) -> T {
        // A thread that panicked while it held the lock has left whole values there.
        let mut said = self.said.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner());
        work(&mut said)
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
                "the hook {} took {:.1} s and may take {:.1} s; in the agent's own process it can't be stopped",
                hook.function,
                took.as_secs_f64(),
                hook.timeout.as_secs_f64()
            );
            self.with(py, |said| said.warnings.push(warning));
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
            return Err(HookFault::new(Code::HookImport, format!("can't be called: it is a {kind}, no function")));
        }
        Ok(function)
    }

    /// What to say of an exception. Python's own modules know best how to read one.
    fn fault(&self, py: Python<'_>, code: Code, hook: &Hook, error: PyErr) -> HookFault {
        static DESCRIBE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let describe = || -> PyResult<(String, String, Option<String>)> {
            let describe = DESCRIBE.import(py, "podrules._describe", "describe")?;
            // Before 3.12 Python keeps the two apart until somebody catches the exception.
            error.value(py).setattr("__traceback__", error.traceback(py))?;
            describe.call1((error.value(py), hook.function.module.as_str(), code == Code::HookImport))?.extract()
        };
        let (message, traceback, help) =
            describe().unwrap_or_else(|_| (format!("raised {error}"), String::new(), None));
        let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
        self.with(py, |said| {
            said.interrupted |= interrupted;
            said.last = Some(error);
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
        return Err(wrong("returned nothing, and {\"template\": template} is wanted".to_owned()));
    }
    let Ok(result) = returned.cast::<PyDict>() else {
        return Err(wrong(format!(
            "returned a {}, and {{\"template\": template}} is wanted",
            convert::type_name(returned)
        )));
    };
    let template = match result.get_item("template") {
        Ok(Some(template)) => template,
        _ if result.contains("spec").unwrap_or(false) => {
            return Err(wrong("returned the template itself, without {\"template\": …} around".to_owned()));
        }
        _ => return Err(wrong("returned a dict without the key \"template\"".to_owned())),
    };
    if template.is_none() {
        return Err(wrong("returned None as the template".to_owned()));
    }
    match convert::read(&template, Take::Json) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong(format!("returned a template that is a {}, not a dict", convert::type_name(&template)))),
        Err(refused) => {
            Err(HookFault::new(Code::HookResult, format!("returned a template that is no JSON: {}", refused.message())))
        }
    }
}

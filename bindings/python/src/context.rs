//! What an agent, or a user, says about a task, as rules see it.

use crate::convert::{self, Take};
use crate::errors;
use podrules::context::Context;
use podrules::diagnostic::Sources;
use podrules::installation::Installation;
use podrules::source;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use serde_json::{Map, Value, json};
use std::ffi::CString;
use std::sync::Arc;

/// A task and what is known about it, as it was given.
pub struct Given<'a, 'py> {
    /// A dict, or ClearML's object.
    pub task: &'a Bound<'py, PyAny>,
    /// The queue's id.
    pub queue: &'a str,
    /// The queue's name.
    pub queue_name: &'a str,
    /// What ClearML knows of the user from the identity provider.
    pub providers: Option<&'a Bound<'py, PyAny>>,
    /// The task's configuration.
    pub config: Option<&'a Bound<'py, PyAny>>,
    /// The agent, or its worker id.
    pub worker: Option<&'a Bound<'py, PyAny>>,
    /// The Pod's namespace.
    pub namespace: Option<&'a str>,
}

impl Given<'_, '_> {
    /// The context of a run. What the rules don't read isn't looked at, unless everything is asked for.
    pub fn context(&self, installation: &Installation, everything: bool) -> PyResult<Context> {
        let uses = |name: &str| everything || installation.plan().language.uses(name);
        let py = self.task.py();
        let task = match (uses("task"), task_id(self.task)) {
            (false, Some(id)) => json!({ "id": id }),
            _ => task(self.task)?,
        };
        let mut context = installation.context(task, self.queue_name);
        context.queue = Arc::new(json!({ "id": self.queue, "name": self.queue_name }));
        if uses("providers") {
            context.providers = Arc::new(object(self.providers, "the providers' information")?);
        }
        if uses("config") {
            context.config = Arc::new(object(self.config, "the task's configuration")?);
        }
        if let Some(worker) = self.worker {
            context.worker = Arc::new(json!({ "id": worker_id(worker) }));
        }
        own_environment(py, installation, &mut context)?;
        if let Some(namespace) = self.namespace.filter(|namespace| !namespace.is_empty()) {
            namespace.clone_into(&mut context.namespace);
        }
        Ok(context)
    }
}

/// What ClearML's own objects look like, for hooks where only plain data is known: the same as on the command line.
const OBJECTS: &str = include_str!("../../../crates/worker/src/python/clearml_objects.py");

/// A class or function of [`OBJECTS`].
fn clearml<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let make = || {
        let code = CString::new(OBJECTS)?;
        PyModule::from_code(py, &code, c"clearml_objects.py", c"podrules._clearml_objects").map(Bound::unbind)
    };
    MODULE.get_or_try_init(py, make)?.bind(py).getattr(name)
}

impl<'py> Given<'_, 'py> {
    /// The arguments of hooks where no agent gave any: objects as they were given, and for plain data the objects that an agent
    /// would have.
    pub fn arguments(&self, task_data: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        let py = self.task.py();
        let given = |object: Option<&Bound<'py, PyAny>>| object.filter(|object| !object.is_none()).cloned();
        let plain = |object: &Bound<'py, PyAny>| object.is_exact_instance_of::<PyDict>();
        let task = convert::write(py, &task(self.task)?)?;
        let task_data = match given(task_data) {
            Some(data) => data,
            None if plain(self.task) => clearml(py, "task_object")?.call1((&task,))?,
            None => self.task.clone(),
        };
        let config = match given(self.config) {
            Some(config) if !plain(&config) => config,
            _ => {
                let data = convert::write(py, &object(self.config, "the task's configuration")?)?;
                clearml(py, "Config")?.call1((data,))?
            }
        };
        let worker = match given(self.worker) {
            Some(worker) if !plain(&worker) && !worker.is_instance_of::<PyString>() => worker,
            worker => clearml(py, "Worker")?.call1((worker.as_ref().map(worker_id).unwrap_or_default(),))?,
        };
        let arguments = PyDict::new(py);
        arguments.set_item("queue", self.queue)?;
        arguments.set_item("queue_name", self.queue_name)?;
        arguments.set_item("task_data", task_data)?;
        arguments.set_item("task_dict", task)?;
        arguments.set_item("providers_info", given(self.providers).unwrap_or_else(|| PyDict::new(py).into_any()))?;
        arguments.set_item("task_config", config)?;
        arguments.set_item("worker", worker)?;
        Ok(arguments)
    }
}

/// The id of a task, if it is easy to see.
fn task_id(task: &Bound<'_, PyAny>) -> Option<String> {
    let id = match task.cast::<PyDict>() {
        Ok(dict) => dict.get_item("id").ok()??,
        Err(_) => task.getattr("id").ok()?,
    };
    id.extract::<String>().ok().filter(|id| !id.is_empty())
}

/// The complete task.
fn task(task: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = task.py();
    let value = match convert::read(&fields(task)?, Take::ClearMl) {
        Ok(value) => value,
        Err(refused) => return Err(errors::input_error(py, format!("the task: {}", refused.message()), None)),
    };
    source::task(value).map_err(|diagnostic| errors::rules_error(py, &[diagnostic], 0, &Sources::new()))
}

/// An object that has neither `to_dict` nor keys is read by its attributes.
fn fields<'py>(task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let kind = task.get_type();
    if kind.hasattr("to_dict")? || kind.hasattr("keys")? || task.getattr("id").is_err() {
        return Ok(task.clone());
    }
    let Ok(attributes) = task.getattr("__dict__").and_then(|all| Ok(all.cast_into::<PyDict>()?)) else {
        return Ok(task.clone());
    };
    let public = PyDict::new(task.py());
    for (name, value) in attributes.copy()?.iter() {
        if name.extract::<String>().is_ok_and(|name| !name.starts_with('_')) {
            public.set_item(name, value)?;
        }
    }
    Ok(public.into_any())
}

/// A mapping, or an object that converts itself to one; None counts as an empty one.
fn object(given: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Value> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(Value::Object(Map::new())) };
    let wrong = |message: String| errors::input_error(given.py(), format!("{name}: {message}"), None);
    match convert::read(given, Take::ClearMl) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong(format!("it is a {}, not a mapping", convert::type_name(given)))),
        Err(refused) => Err(wrong(refused.message())),
    }
}

fn worker_id(worker: &Bound<'_, PyAny>) -> String {
    if let Ok(id) = worker.cast::<PyString>() {
        return id.to_string_lossy().into_owned();
    }
    let id = match worker.cast::<PyDict>() {
        Ok(dict) => dict.get_item("id").ok().flatten(),
        Err(_) => worker.getattr("worker_id").ok(),
    };
    id.and_then(|id| id.extract().ok()).unwrap_or_default()
}

/// Adds the variables that rules list and the values don't set: those of this process.
fn own_environment(py: Python<'_>, installation: &Installation, context: &mut Context) -> PyResult<()> {
    let mut listed = installation.variables().filter(|name| !context.env.contains_key(*name)).peekable();
    if listed.peek().is_none() {
        return Ok(());
    }
    let mut found = Vec::new();
    // Read through Python: its other threads may change the process's environment while C reads it.
    let own = py.import("os")?.getattr("environ")?;
    for name in listed {
        if let Ok(value) = own.get_item(name)
            && let Ok(value) = value.extract::<String>()
        {
            found.push((name.to_owned(), value));
        }
    }
    context.env.extend(found);
    Ok(())
}

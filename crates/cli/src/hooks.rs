//! Python hooks on the command line: the workers that run them, and what `validate` finds out by importing them.

use super::arguments::Python;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Sources};
use podrules::plan::Plan;
use podrules::source::helm::Values;
use podrules_worker::mounts::Mount;
use podrules_worker::python::{Settings, Workers};
use std::collections::HashSet;
use std::path::PathBuf;

/// Workers with the modules and the environment of an installation's agent. None is started yet.
pub fn workers(
    arguments: &Python,
    installation: Option<&Values>,
    sources: &Sources,
    found: &mut Diagnostics,
) -> Workers {
    let mut env = Vec::new();
    for name in &arguments.hook_env {
        match std::env::var(name) {
            Ok(value) => env.push((name.clone(), value)),
            Err(_) => {
                let message = format!("--hook-env {name}: there is no such variable, or it is no text");
                found.push(Diagnostic::new(Code::Usage, message));
            }
        }
    }
    let mut mounts = Vec::new();
    if let Some(installation) = installation {
        env.extend(installation.variables());
        mounts = Mount::all(installation, sources);
    }
    for folder in arguments.python_path.iter().filter(|folder| !folder.is_dir()) {
        let message = format!("--python-path {} is not a folder", folder.display());
        found.push(Diagnostic::new(Code::Usage, message));
    }
    let absolute = |folder: &PathBuf| std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let path = arguments.python_path.iter().map(absolute).collect();
    let memory = arguments.hook_memory << 20;
    let named = std::env::var_os("PODRULES_PYTHON").filter(|name| !name.is_empty()).map(PathBuf::from);
    let python = arguments.python.clone().or(named).unwrap_or_else(|| PathBuf::from("python3"));
    Workers::new(Settings { python, path, mounts, env, memory })
}

/// Imports every function that the rules and the values name, each once.
pub fn check(plan: &Plan, workers: &Workers, found: &mut Diagnostics) {
    let mut seen = HashSet::new();
    for hook in plan.hooks.iter().chain(&plan.values_hook) {
        if seen.insert(&hook.function)
            && let Err(fault) = workers.check(hook)
        {
            let broken = fault.code == Code::Python;
            found.push(*fault.into_fault(hook));
            if broken {
                // Without Python every other one would say the same.
                return;
            }
        }
    }
}

//! Python hooks: the workers that run them, and what importing them shows.

use super::PYTHON;
use clap::Args;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Sources};
use podrules::plan::Plan;
use podrules::source::helm::Values;
use podrules_worker::mounts::Mount;
use podrules_worker::python::{Settings, Workers};
use std::collections::HashSet;
use std::path::PathBuf;

/// Whether the values' hook runs, and how Python is run.
#[derive(Debug, Args)]
#[command(next_help_heading = PYTHON)]
pub struct HookOptions {
    /// Skip the Python hook that the values name
    #[arg(long)]
    pub no_hook: bool,
    /// How Python is run
    #[command(flatten)]
    pub python: PythonOptions,
}

/// How Python hooks are run.
#[derive(Debug, Args)]
#[command(next_help_heading = PYTHON)]
pub struct PythonOptions {
    /// The interpreter that runs Python hooks, 3.8 or newer; by default PODRULES_PYTHON, then python3
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// A folder with modules of hooks, searched after those of the values' fileMounts; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub python_path: Vec<PathBuf>,
    /// An environment variable of this process that hooks may see, besides the values' extraEnvs; may be repeated
    #[arg(long, value_name = "NAME")]
    pub hook_env: Vec<String>,
    /// The memory that a hook's process may map, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub hook_memory: u64,
}

impl PythonOptions {
    /// Workers with the modules and the environment of an installation's agent. None is started yet. Mistakes in the options go
    /// to `found`.
    pub fn workers(&self, values: Option<&Values>, sources: &Sources, found: &mut Diagnostics) -> Workers {
        let mut env = Vec::new();
        for name in &self.hook_env {
            match std::env::var(name) {
                Ok(value) => env.push((name.clone(), value)),
                Err(_) => {
                    let message = format!("--hook-env {name}: the variable isn't set, or isn't valid text");
                    found.push(Diagnostic::new(Code::Usage, message));
                }
            }
        }
        let mut mounts = Vec::new();
        if let Some(values) = values {
            env.extend(values.variables());
            mounts = Mount::all(values, sources);
        }
        for folder in self.python_path.iter().filter(|folder| !folder.is_dir()) {
            let message = format!("--python-path {} is not a folder", folder.display());
            found.push(Diagnostic::new(Code::Usage, message));
        }
        let absolute = |folder: &PathBuf| std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let path = self.python_path.iter().map(absolute).collect();
        let memory = self.hook_memory << 20;
        let named = std::env::var_os("PODRULES_PYTHON").filter(|name| !name.is_empty()).map(PathBuf::from);
        let python = self.python.clone().or(named).unwrap_or_else(|| PathBuf::from("python3"));
        Workers::new(Settings { python, path, mounts, env, memory })
    }
}

/// Imports every function that the rules and the values name, each once.
pub fn check_hooks(plan: &Plan, workers: &Workers, found: &mut Diagnostics) {
    let mut seen = HashSet::new();
    for hook in plan.hooks.iter().chain(&plan.values_hook) {
        if seen.insert(&hook.function)
            && let Err(fault) = workers.check(hook)
        {
            let broken = fault.code == Code::Python;
            found.push(*fault.into_fault(hook));
            if broken {
                // Without Python every other hook would report the same.
                return;
            }
        }
    }
}

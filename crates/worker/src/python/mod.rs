//! Hooks run in Python processes of their own, the workers. A hook can crash, hang, flood its output or leak without harm to
//! podrules.
//!
//! ```text
//! Workers ── the pool: uses an idle worker or starts one; a worker whose hook failed isn't reused
//!   Process ── one python3: a request, an answer, its output as the hook's log, a timeout
//!     shim.py ── inside of Python: imports the module, calls the function, describes what went wrong
//! ```

mod answer;
mod output;
mod process;

use crate::mounts::{Mount, Mounted};
use podrules::context::Context;
use podrules::diagnostic::Code;
use podrules::hook::{Answer, Function, Hook, HookFault, Hooks};
use process::{ExchangeEnd, Process};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The number of idle workers that are kept.
const MOST_IDLE: usize = 4;
/// The timeout for importing a module without a call.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// How hooks are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The interpreter: a path, or a name that is found on `PATH`.
    pub python: PathBuf,
    /// Folders in which modules are searched, after those of `mounts`.
    pub path: Vec<PathBuf>,
    /// The files of the agent's container.
    pub mounts: Vec<Mount>,
    /// Environment variables for hooks, beside the few that Python itself needs.
    pub env: Vec<(String, String)>,
    /// The limit of a worker's address space, in bytes.
    pub memory: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            python: PathBuf::from("python3"),
            path: Vec::new(),
            mounts: Vec::new(),
            env: Vec::new(),
            memory: 4 << 30,
        }
    }
}

/// A pool of workers, which threads can share. Each call has a worker to itself.
#[derive(Debug)]
pub struct Workers {
    settings: Settings,
    files: OnceLock<Result<Mounted, String>>,
    idle: Mutex<Vec<Process>>,
}

/// A request to a worker.
#[derive(Serialize)]
struct Request<'r> {
    id: u64,
    module: &'r str,
    function: &'r str,
    /// `None` if the function is only to be found.
    template: Option<&'r Value>,
    queue: &'r str,
    queue_name: &'r str,
    task: Option<&'r Value>,
    providers: Option<&'r Value>,
    config: Option<&'r Value>,
    worker_id: &'r str,
}

impl Workers {
    /// A pool without a worker: the first call starts one.
    pub fn new(settings: Settings) -> Self {
        Workers { settings, files: OnceLock::new(), idle: Mutex::default() }
    }

    /// Imports a hook's module and finds the function, without a call.
    ///
    /// # Errors
    /// The module can't be imported, or has no such function.
    pub fn check(&self, hook: &Hook) -> Result<(), HookFault> {
        let Function { module, name } = &hook.function;
        let request = Request {
            id: 0,
            module,
            function: name,
            template: None,
            queue: "",
            queue_name: "",
            task: None,
            providers: None,
            config: None,
            worker_id: "",
        };
        self.send(request, hook.timeout.max(IMPORT_TIMEOUT)).template.map(|_| ())
    }

    /// Sends a request to a worker. A worker whose modules have changed since it imported them is replaced.
    fn send(&self, mut request: Request<'_>, timeout: Duration) -> Answer {
        let files = match self.files.get_or_init(|| Mounted::write(&self.settings.mounts, &self.settings.path)) {
            Ok(files) => files,
            Err(why) => return failed(HookFault::new(Code::Python, why.clone())),
        };
        for _ in 0..2 {
            let mut worker = match self.worker(files) {
                Ok(worker) => worker,
                Err(fault) => return failed(fault),
            };
            request.id = worker.next_id();
            let Ok(body) = serde_json::to_vec(&request) else {
                return failed(HookFault::new(Code::Python, "got arguments that can't be written as JSON"));
            };
            let (end, output) = worker.exchange(&body, timeout);
            let reply = match end {
                ExchangeEnd::Answer(bytes) => answer::read(&bytes, request.id, files),
                other => answer::Reply::Fault(answer::of_end(other, &output, timeout, &mut worker, files)),
            };
            let log = output.lines();
            match reply {
                answer::Reply::Stale => continue,
                answer::Reply::Template(template) => {
                    self.put_back(worker);
                    return Answer { template: Ok(template), log };
                }
                answer::Reply::Fault(fault) => return Answer { template: Err(fault), log },
            }
        }
        failed(HookFault::new(Code::HookImport, "has files that change while they are being imported"))
    }

    fn worker(&self, files: &Mounted) -> Result<Process, HookFault> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut worker) = idle() {
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        Process::start(&self.settings, files)
    }

    fn put_back(&self, worker: Process) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(worker);
        }
    }
}

impl Hooks for Workers {
    fn call(&self, hook: &Hook, template: &Value, context: &Context) -> Answer {
        let Function { module, name } = &hook.function;
        let request = Request {
            id: 0,
            module,
            function: name,
            template: Some(template),
            queue: context.queue_id(),
            queue_name: context.queue_name(),
            task: Some(&context.task),
            providers: Some(&context.providers),
            config: Some(&context.config),
            worker_id: context.worker.get("id").and_then(Value::as_str).unwrap_or(""),
        };
        self.send(request, hook.timeout)
    }
}

fn failed(fault: HookFault) -> Answer {
    Answer { template: Err(fault), log: Vec::new() }
}

//! Processes that are killed together with their descendants: those in their process group, and those that left it but still have
//! the environment variable that marks them.

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that marks a process and its descendants.
const MARK: &str = "PODRULES_PROCESS";
/// How often descendants are searched for: new ones may have been started while others were killed.
const ROUNDS: usize = 10;

/// A process with its descendants, which are killed when this is dropped.
#[derive(Debug)]
pub struct ProcessTree {
    /// The root.
    pub child: Child,
    mark: String,
}

impl ProcessTree {
    /// Starts a process in a new process group.
    ///
    /// # Errors
    /// The process can't be started.
    pub fn start(command: &mut Command) -> std::io::Result<ProcessTree> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        ProcessTree::start_marked(
            command,
            &format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed)),
        )
    }

    /// Starts a process with the caller's mark, by which another process can kill the tree with [`kill_marked`].
    ///
    /// # Errors
    /// The process can't be started.
    pub fn start_marked(command: &mut Command, mark: &str) -> std::io::Result<ProcessTree> {
        let child = command.env(MARK, mark).process_group(0).spawn()?;
        Ok(ProcessTree { child, mark: mark.to_owned() })
    }

    /// The id of the process and of its group.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        let _ = kill_process_group(self.pid(), Signal::KILL);
        for_each_marked(&self.mark, kill);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the processes with a mark, whoever started them, and the groups that they lead.
pub fn kill_marked(mark: &str) {
    let kill_with_group = |pid| {
        if getpgid(Some(pid)) == Ok(pid) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        kill(pid);
    };
    for _ in 0..ROUNDS {
        if for_each_marked(mark, kill_with_group) == 0 {
            return;
        }
    }
}

fn kill(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
}

/// Calls `act` for each process that has the mark in its environment, and returns their number. It reads /proc, which only Linux
/// has.
fn for_each_marked(mark: &str, act: impl Fn(Pid)) -> usize {
    let mark = format!("{MARK}={mark}");
    let mut count = 0;
    let Ok(processes) = fs::read_dir("/proc") else { return count };
    for process in processes.flatten() {
        let id = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = id.and_then(Pid::from_raw) else { continue };
        let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            act(pid);
            count += 1;
        }
    }
    count
}

//! Processes that end with all that they started: a process group, and whatever left it but kept its environment.

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable by which all that a process starts is known.
const MARK: &str = "PODRULES_PROCESS";
/// How often it is looked for what a family has started while it was being killed.
const ROUNDS: usize = 10;

/// A process with its descendants. They are killed when this goes.
#[derive(Debug)]
pub struct Family {
    /// The process itself.
    pub child: Child,
    mark: String,
}

impl Family {
    /// Starts a process at the head of a group of its own.
    pub fn start(command: &mut Command) -> std::io::Result<Family> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        Family::marked(command, &format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed)))
    }

    /// The same, with a mark of the caller's own, by which another process can end the family, too.
    pub fn marked(command: &mut Command, mark: &str) -> std::io::Result<Family> {
        let child = command.env(MARK, mark).process_group(0).spawn()?;
        Ok(Family { child, mark: mark.to_owned() })
    }

    /// Its process id, which is that of the group, too.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let _ = kill_process_group(self.pid(), Signal::KILL);
        kill_marked(&self.mark);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the family of a mark, whoever started it: what has the mark, and the groups of those that head one.
pub fn end_marked(mark: &str) {
    let kill = |pid| {
        if getpgid(Some(pid)) == Ok(pid) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = kill_process(pid, Signal::KILL);
    };
    for _ in 0..ROUNDS {
        if each_marked(mark, kill) == 0 {
            return;
        }
    }
}

/// Kills what left the group but still has its environment.
fn kill_marked(mark: &str) {
    each_marked(mark, |pid| {
        let _ = kill_process(pid, Signal::KILL);
    });
}

/// Does something with each process that has a mark in its environment, and counts them. (Linux: /proc tells.)
fn each_marked(mark: &str, act: impl Fn(Pid)) -> usize {
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

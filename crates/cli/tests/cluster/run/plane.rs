//! A control plane for one test, whose parts can be frozen, killed and restarted without disturbing other tests.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// The control plane. It stops when this is dropped.
pub struct Plane {
    home: tempfile::TempDir,
    /// Restarted parts, reaped at the end.
    children: RefCell<Vec<Child>>,
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/cluster").join(name)
}

impl Plane {
    /// Starts a control plane.
    pub fn new() -> Self {
        let plane = Plane { home: tempfile::tempdir().unwrap(), children: RefCell::default() };
        let status = Command::new(tool("up")).arg(plane.home.path()).stdout(std::process::Stdio::null()).status();
        assert!(status.unwrap().success(), "the control plane doesn't start");
        plane
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    fn pid_file(&self, part: &str) -> PathBuf {
        self.home.path().join(format!("{part}.pid"))
    }

    fn pid(&self, part: &str) -> Pid {
        let text = fs::read_to_string(self.pid_file(part)).unwrap();
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    /// Suspends a part; its connections stay open.
    pub fn freeze(&self, part: &str) {
        kill_process(self.pid(part), Signal::STOP).unwrap();
    }

    /// Resumes a part.
    pub fn thaw(&self, part: &str) {
        kill_process(self.pid(part), Signal::CONT).unwrap();
    }

    /// Kills a part. The returned command starts it again.
    pub fn kill(&self, part: &str) -> Command {
        let pid = self.pid(part);
        let words = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap();
        let mut words = words.strip_suffix(&[0]).unwrap().split(|byte| *byte == 0);
        let words = words.by_ref().map(|word| String::from_utf8(word.to_vec()).unwrap());
        let words: Vec<String> = words.collect();
        let mut command = Command::new(&words[0]);
        let log = fs::OpenOptions::new().append(true).open(self.home.path().join(format!("{part}.log"))).unwrap();
        command.args(&words[1..]).current_dir(self.home.path());
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        kill_process(pid, Signal::KILL).unwrap();
        // Its port must be free and its files closed. Where its parent process is gone, nothing reaps it: it may stay as a
        // zombie.
        for _ in 0..100 {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            if test_kill_process(pid).is_err() || stat.contains(") Z ") {
                return command;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{part} doesn't exit");
    }

    /// Restarts a killed part. `down` finds it by its pid.
    pub fn start(&self, part: &str, mut command: Command) {
        let child = command.spawn().unwrap();
        fs::write(self.pid_file(part), format!("{}\n", child.id())).unwrap();
        self.children.borrow_mut().push(child);
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for part in ["etcd", "kube-apiserver"] {
            // A frozen process wouldn't react to SIGTERM.
            if let Some(pid) = fs::read_to_string(self.pid_file(part)).ok().and_then(|text| text.trim().parse().ok())
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::CONT);
            }
        }
        let _ = Command::new(tool("down")).arg(self.home.path()).status();
        for child in self.children.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

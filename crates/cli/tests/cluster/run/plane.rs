//! A control plane for one test, whose parts can be stopped, killed and started again without disturbing others.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// The control plane. It ends when this is dropped.
pub struct Plane {
    home: tempfile::TempDir,
    /// What was started again, and is to be waited for.
    children: RefCell<Vec<Child>>,
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/cluster").join(name)
}

impl Plane {
    /// Starts one.
    pub fn new() -> Self {
        let plane = Plane { home: tempfile::tempdir().unwrap(), children: RefCell::default() };
        let status = Command::new(tool("up")).arg(plane.home.path()).stdout(std::process::Stdio::null()).status();
        assert!(status.unwrap().success(), "no control plane");
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

    /// A part stops where it is, its connections open.
    pub fn freeze(&self, part: &str) {
        kill_process(self.pid(part), Signal::STOP).unwrap();
    }

    /// It goes on.
    pub fn thaw(&self, part: &str) {
        kill_process(self.pid(part), Signal::CONT).unwrap();
    }

    /// A part is killed. What is returned starts it again.
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
        // Its port must be free, its files closed. Nobody waits for it where the one who started it has gone: then it may
        // stay as an entry without a program.
        for _ in 0..100 {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            if test_kill_process(pid).is_err() || stat.contains(") Z ") {
                return command;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{part} doesn't end");
    }

    /// A part that was killed is started again. `down` knows it by its pid.
    pub fn start(&self, part: &str, mut command: Command) {
        let child = command.spawn().unwrap();
        fs::write(self.pid_file(part), format!("{}\n", child.id())).unwrap();
        self.children.borrow_mut().push(child);
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for part in ["etcd", "kube-apiserver"] {
            // What is frozen hears no signal but one.
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

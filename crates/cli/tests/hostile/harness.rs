//! Runs rules through the library, and files through the binary with little memory.

use podrules::diagnostic::{Diagnostics, Sources};
use podrules::{plan, run};
use serde_json::json;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A child that takes longer is considered to hang. No test measures time, since CI machines can be slow.
const WATCHDOG: Duration = Duration::from_secs(180);
/// The address space that a child may use, in KiB.
const MEMORY_KIB: usize = 1 << 20;

/// The beginning of a rules file.
pub const HEAD: &str = "apiVersion: podrules.io/v1\nkind: Rules\n";
/// The smallest task.
pub const TASK: &str = r#"{"id": "abc"}"#;

/// A rules file of one rule that runs a script.
pub fn script(code: &str) -> String {
    let code = code.replace('\n', "\n          ");
    format!("{HEAD}rules:\n- name: r\n  do:\n    - script:\n        timeout: 2s\n        code: |\n          {code}\n")
}

/// A rules file of one rule that sets an annotation to what YAML `value` says.
pub fn annotation(value: &str) -> String {
    format!("{HEAD}rules:\n- name: r\n  do:\n    - set: {{path: $.metadata.annotations.x, value: {value}}}\n")
}

/// A rules file of one rule that sets what an optional path matches.
pub fn path(path: &str) -> String {
    let path = path.replace('\'', "''");
    format!("{HEAD}rules:\n- name: r\n  do:\n    - set: {{path: '{path}', value: 1, optional: true}}\n")
}

/// Compiles and runs rules on this thread, whose stack is small. Returns the codes of all findings, and the Pod.
pub fn library(rules: &str) -> (Vec<&'static str>, serde_json::Value) {
    let mut sources = Sources::new();
    let file = sources.add("rules.yaml", rules);
    let mut found = Diagnostics::new();
    let plan = plan::compile(&sources, None, &[file], &mut found);
    let mut codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
    let context =
        podrules::context::Context::new(json!({"id": "abc", "name": "n", "l": [1, [2, {"a": 3}]]}), "q", "train");
    let template = json!({"spec": {"containers": [{"name": "task", "image": "ubuntu", "env": []}]}});
    let outcome = plan.run(template, &context, run::Options { trace: true, ..Default::default() });
    codes.extend(outcome.failure.iter().chain(&outcome.warnings).map(|d| d.code.as_str()));
    let mut sources_text = podrules::diagnostic::render::human(found.into_vec().as_slice(), &sources, false);
    sources_text.push_str(&podrules::output::to_yaml(&outcome.pod));
    (codes, outcome.pod)
}

/// A folder for one test's files, removed on drop.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("podrules-hostile-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let folder = Folder(path);
        folder.write("values.yaml", "agentk8sglue:\n  queues:\n    train: {}\n");
        folder.write("task.json", TASK);
        folder
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The binary in this folder, with little memory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -c 0; ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\""));
        command.arg(env!("CARGO_BIN_EXE_podrules")).args(arguments).current_dir(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.command(arguments), &[])
    }

    /// Runs `podrules render` on the folder's files.
    pub fn render(&self) -> Ended {
        self.run(&["render", "."])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Asserts that it ended with this exit code and reported a finding with this code.
    #[track_caller]
    pub fn reported(&self, exit: i32, code: &str) -> &Self {
        let start: String = self.stderr.chars().take(600).collect();
        assert_eq!(self.code, Some(exit), "{start}");
        assert!(self.stderr.contains(&format!("[{code}]")), "{code} is not in: {start}");
        self
    }

    #[track_caller]
    pub fn done(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

/// Runs a child with something on its standard input; one that hangs is killed and fails the test.
pub fn finish(mut command: Command, input: &[u8]) -> Ended {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    let given = input.to_vec();
    let stdin = child.stdin.take();
    let feeder = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&given)));
    let drain = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            bytes
        })
    };
    let stdout = drain(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = drain(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > WATCHDOG {
            child.kill().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let _ = feeder.join();
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Asserts that these rules are rejected with this code, by the library and by the binary.
#[track_caller]
pub fn rejects(name: &str, rules: &str, code: &str) {
    let (codes, _) = library(rules);
    assert!(codes.contains(&code), "{name}: the library says {codes:?}, not {code}");
    let folder = Folder::new();
    folder.write("rules.yaml", rules);
    eprintln!("{name}");
    folder.render().reported(1, code);
}

/// Asserts that these rules run successfully.
#[track_caller]
pub fn accepts(name: &str, rules: &str) -> Ended {
    library(rules);
    let folder = Folder::new();
    folder.write("rules.yaml", rules);
    eprintln!("{name}");
    let ended = folder.render();
    ended.done();
    ended
}

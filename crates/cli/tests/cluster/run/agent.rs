//! A `podrules run` on a folder of tasks, which can be killed and restarted.

use super::super::harness::{Place, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// The queues of these tests. kwok simulates how their Pods behave (tools/cluster/pods.yaml).
const RULES: &str = "
apiVersion: podrules.io/v1
kind: Rules
rules:
  - name: ends
    queues: [ends]
    do: [addAnnotations: {annotations: {podrules.io/life: ends}}]
  - name: breaks
    queues: [breaks]
    do: [addAnnotations: {annotations: {podrules.io/life: breaks}}]
  - name: no-image
    queues: [no-image]
    do: [addAnnotations: {annotations: {podrules.io/life: no-image}}]
  - name: nowhere
    queues: [nowhere]
    do: [set: {path: \"$.spec.nodeSelector['zone']\", value: moon}]
";

/// One replica of the agent.
pub struct Agent<'a> {
    pub place: &'a Place,
    home: tempfile::TempDir,
    tasks: PathBuf,
    state: PathBuf,
    kubeconfig: PathBuf,
    arguments: Vec<String>,
    elects: bool,
    environment: Vec<(String, String)>,
    pub port: u16,
    child: Option<Child>,
}

/// A free loopback port, below the range of ephemeral ports.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = u16::try_from(std::process::id() % 15_000).unwrap();
        let port = 12_000 + (base + offset) % 15_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

impl<'a> Agent<'a> {
    /// An agent that hasn't started yet. Its queues: `ends`, `breaks`, `no-image`, `nowhere`; Pods of all others run forever.
    pub fn new(place: &'a Place) -> Self {
        let home = tempfile::tempdir().unwrap();
        let tasks = home.path().join("tasks");
        fs::create_dir(&tasks).unwrap();
        let state = home.path().join("state");
        fs::create_dir(&state).unwrap();
        let agent = Agent {
            place,
            tasks,
            state,
            home,
            kubeconfig: place.kubeconfig.clone(),
            arguments: Vec::new(),
            elects: false,
            environment: Vec::new(),
            port: free_port(),
            child: None,
        };
        let queues = ["ends", "breaks", "no-image", "nowhere", "runs", "others"];
        let queues: serde_json::Map<String, Value> =
            queues.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        agent.rules(RULES).values(&json!({"queues": queues}))
    }

    /// Replaces the rules.
    pub fn rules(self, text: &str) -> Self {
        fs::write(self.path("rules.yaml"), text).unwrap();
        self
    }

    /// Adds rules, in the same form.
    pub fn more_rules(self, text: &str) -> Self {
        let all = format!("{RULES}{text}");
        self.rules(&all)
    }

    /// Replaces the values: what is below `agentk8sglue`.
    pub fn values(self, glue: &Value) -> Self {
        fs::write(self.path("values.yaml"), json!({"agentk8sglue": glue}).to_string()).unwrap();
        self
    }

    /// The values' pre-apply and post-delete commands, as bash.
    pub fn commands(self, pre_apply: &str, post_delete: &str) -> Self {
        let environment = json!([
            {"name": "CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD", "value": pre_apply},
            {"name": "CLEARML_K8S_GLUE_POD_POST_DELETE_CMD", "value": post_delete},
        ]);
        self.values(&json!({"extraEnvs": environment}))
    }

    /// Adds command-line arguments.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// One of several replicas, which elect a leader.
    pub fn elects(mut self) -> Self {
        self.elects = true;
        self
    }

    /// A replica that shares the tasks and state folders of another one.
    pub fn beside(mut self, other: &Agent) -> Self {
        self.tasks.clone_from(&other.tasks);
        self.state.clone_from(&other.state);
        self
    }

    /// Uses another kubeconfig.
    pub fn by(mut self, kubeconfig: &Path) -> Self {
        kubeconfig.clone_into(&mut self.kubeconfig);
        self
    }

    /// Sets an environment variable for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Removes an environment variable for the next start.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(other, _)| other != name);
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts it.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it is already running");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_podrules"));
        command.current_dir(self.home.path());
        command.args(["run", "-f", "values.yaml", "-r", "rules.yaml", "-n", &self.place.namespace]);
        command.arg("--tasks").arg(&self.tasks).arg("--kubeconfig").arg(&self.kubeconfig);
        command.arg("--state").arg(&self.state);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        if !self.elects {
            command.arg("--no-leader-election");
        }
        command.args(&self.arguments);
        for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().expect("podrules starts"));
    }

    /// Writes a task into a queue, its file named after it. An empty queue is the folder itself.
    pub fn task(&self, queue: &str, id: &str) {
        self.task_as(queue, id, &json!({"id": id, "container": {"image": "ubuntu:22.04"}}).to_string());
    }

    /// Writes a task file atomically, as writers should: under another name first.
    pub fn task_as(&self, queue: &str, name: &str, text: &str) {
        let folder = self.tasks.join(queue);
        fs::create_dir_all(&folder).unwrap();
        let new = folder.join(format!(".{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, folder.join(format!("{name}.json"))).unwrap();
    }

    /// Withdraws the task.
    pub fn remove(&self, queue: &str, name: &str) {
        fs::remove_file(self.tasks.join(queue).join(format!("{name}.json"))).unwrap();
    }

    /// The task's status; null if it has none yet.
    pub fn status(&self, queue: &str, name: &str) -> Value {
        let file = self.tasks.join(queue).join(format!("{name}.json.status.json"));
        match fs::read_to_string(file) {
            // A half-written file must never be visible.
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error} in: {text}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Null,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// The status word, empty if there is none.
    pub fn word(&self, queue: &str, name: &str) -> String {
        self.status(queue, name)["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the task has this status, and returns it in full.
    pub fn until(&mut self, queue: &str, name: &str, word: &str) -> Value {
        for _ in 0..1200 {
            let status = self.status(queue, name);
            let now = status["status"].as_str().unwrap_or_default();
            if now == word {
                return status;
            }
            assert!(!["completed", "failed", "aborted"].contains(&now), "{name} must not end as {status}");
            self.must_live();
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} isn't {word}, but {}", self.status(queue, name));
    }

    /// Fails the test if the process has exited.
    pub fn must_live(&mut self) {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait().unwrap()
        {
            panic!("podrules run has exited: {status}");
        }
    }

    /// Waits until the process exits by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        for _ in 0..1200 {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("podrules run hasn't exited");
    }

    /// Waits until the process has killed itself at the step that `PODRULES_CRASH_AT` names.
    pub fn crashed(&mut self) {
        let status = self.ended();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it exited for another reason: {status}");
    }

    /// Kills the process with SIGKILL, whatever it is doing.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks the process to stop; it must exit with success.
    pub fn stop(&mut self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::TERM).unwrap();
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// Suspends the process (SIGSTOP).
    pub fn freeze(&self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::STOP).unwrap();
    }

    /// Resumes the process (SIGCONT).
    pub fn thaw(&self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::CONT).unwrap();
    }

    /// A response of the agent's HTTP server: status code and body, if it answers.
    pub fn http(&self, path: &str) -> Option<(u16, String)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let code = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((code, body.to_owned()))
    }

    /// Whether it reports that it is ready.
    pub fn is_ready(&self) -> bool {
        self.http("/readyz").is_some_and(|(code, _)| code == 200)
    }

    /// Waits until it is ready.
    pub fn ready(&mut self) {
        until(60, "readiness", || {
            self.must_live();
            self.is_ready()
        });
    }

    /// The log of all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            // The complete log, for whoever investigates.
            if let Some(path) = std::env::var_os("PODRULES_KEEP_LOG") {
                let _ = fs::write(path, &log);
            }
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the last of {} log lines:", lines.len());
            for line in &lines[lines.len().saturating_sub(40)..] {
                eprintln!("  {line}");
            }
        }
    }
}

//! A `podrules run` that works through a folder of tasks, and can be killed and started again.

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

/// What the queues of these tests are for: kwok plays the lives (tools/cluster/pods.yaml).
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

/// A port of loopback that is free, below the range of which outgoing connections take theirs.
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
    /// Not started yet. Its queues: `ends`, `breaks`, `no-image`, `nowhere`; of all others the Pods run for ever.
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

    /// Other rules.
    pub fn rules(self, text: &str) -> Self {
        fs::write(self.path("rules.yaml"), text).unwrap();
        self
    }

    /// More rules than there are, in the same form.
    pub fn more_rules(self, text: &str) -> Self {
        let all = format!("{RULES}{text}");
        self.rules(&all)
    }

    /// Other values: what is below `agentk8sglue`.
    pub fn values(self, glue: &Value) -> Self {
        fs::write(self.path("values.yaml"), json!({"agentk8sglue": glue}).to_string()).unwrap();
        self
    }

    /// The values' own commands around a Pod's life, as bash.
    pub fn commands(self, pre_apply: &str, post_delete: &str) -> Self {
        let environment = json!([
            {"name": "CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD", "value": pre_apply},
            {"name": "CLEARML_K8S_GLUE_POD_POST_DELETE_CMD", "value": post_delete},
        ]);
        self.values(&json!({"extraEnvs": environment}))
    }

    /// More of the command line.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Replicas are several: they elect a leader.
    pub fn elects(mut self) -> Self {
        self.elects = true;
        self
    }

    /// A replica: its folders of tasks and of state are those of another one.
    pub fn beside(mut self, other: &Agent) -> Self {
        self.tasks.clone_from(&other.tasks);
        self.state.clone_from(&other.state);
        self
    }

    /// Another way to the cluster.
    pub fn by(mut self, kubeconfig: &Path) -> Self {
        kubeconfig.clone_into(&mut self.kubeconfig);
        self
    }

    /// A variable of its environment, for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Without it.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(other, _)| other != name);
    }

    /// A file of its own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts it.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
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

    /// Writes a file for a task as a whole, as writers should: under another name first.
    pub fn task_as(&self, queue: &str, name: &str, text: &str) {
        let folder = self.tasks.join(queue);
        fs::create_dir_all(&folder).unwrap();
        let new = folder.join(format!(".{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, folder.join(format!("{name}.json"))).unwrap();
    }

    /// Nobody wants the task any more.
    pub fn remove(&self, queue: &str, name: &str) {
        fs::remove_file(self.tasks.join(queue).join(format!("{name}.json"))).unwrap();
    }

    /// What is said of the task: null as long as nothing is.
    pub fn status(&self, queue: &str, name: &str) -> Value {
        let file = self.tasks.join(queue).join(format!("{name}.json.status.json"));
        match fs::read_to_string(file) {
            // Half a file is never to be seen.
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error} in: {text}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Null,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// The word for it, empty if there is none.
    pub fn word(&self, queue: &str, name: &str) -> String {
        self.status(queue, name)["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the task's status is this, and gives all of it.
    pub fn until(&mut self, queue: &str, name: &str, word: &str) -> Value {
        for _ in 0..1200 {
            let status = self.status(queue, name);
            let now = status["status"].as_str().unwrap_or_default();
            if now == word {
                return status;
            }
            assert!(!["completed", "failed", "aborted"].contains(&now), "{name} is not to end as {status}");
            self.must_live();
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} is not {word} but {}", self.status(queue, name));
    }

    /// Fails the test if the process has ended.
    pub fn must_live(&mut self) {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait().unwrap()
        {
            panic!("podrules run has ended: {status}");
        }
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        for _ in 0..1200 {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("podrules run has not ended");
    }

    /// Waits until it has killed itself, where `PODRULES_CRASH_AT` says.
    pub fn crashed(&mut self) {
        let status = self.ended();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it has ended otherwise: {status}");
    }

    /// kill -9, wherever it is.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end, which it must do well.
    pub fn stop(&mut self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::TERM).unwrap();
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// It stops where it is, and knows nothing of it.
    pub fn freeze(&self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::STOP).unwrap();
    }

    /// It goes on.
    pub fn thaw(&self) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::CONT).unwrap();
    }

    /// An answer of its own HTTP server: status and body, if there is one.
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

    /// Whether it says that it is ready.
    pub fn is_ready(&self) -> bool {
        self.http("/readyz").is_some_and(|(code, _)| code == 200)
    }

    /// Waits until it is.
    pub fn ready(&mut self) {
        until(60, "readiness", || {
            self.must_live();
            self.is_ready()
        });
    }

    /// What it has logged, of all its lives.
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
            // All of it, for who looks into the matter.
            if let Some(path) = std::env::var_os("PODRULES_KEEP_LOG") {
                let _ = fs::write(path, &log);
            }
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the last of {} lines of its log:", lines.len());
            for line in &lines[lines.len().saturating_sub(40)..] {
                eprintln!("  {line}");
            }
        }
    }
}

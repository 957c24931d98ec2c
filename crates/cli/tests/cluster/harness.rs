//! A namespace for a test, podrules running in it, and a client to inspect the result.

use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The id of the task in all cases.
pub const TASK: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// The kubeconfig of the control plane.
pub fn kubeconfig() -> PathBuf {
    let path = std::env::var_os("PODRULES_CLUSTER_KUBECONFIG");
    path.map(PathBuf::from).expect("these tests need a control plane: run `make cluster`, which starts one")
}

/// A client of the kubeconfig's control plane. It belongs to the runtime that it is created in.
pub async fn client(kubeconfig: &Path) -> kube::Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a configuration");
    kube::Client::try_from(config).expect("a client")
}

/// A namespace for one test.
pub struct Place {
    pub namespace: String,
    pub kubeconfig: PathBuf,
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
}

/// The result of a podrules command.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The complete result, without what differs from run to run.
    pub fn text(&self, place: &Place) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        text.replace(&place.namespace, "<namespace>").replace(server(), "<server>")
    }

    pub fn fine(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    pub fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        self
    }
}

/// The control plane's address.
pub fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        let config = Kubeconfig::read_from(kubeconfig()).expect("a kubeconfig");
        let cluster = config.clusters[0].cluster.as_ref().expect("a cluster");
        cluster.server.clone().expect("a server")
    })
}

impl Place {
    /// Creates the namespace, and the ServiceAccounts that its Pods run as.
    pub fn new(name: &str) -> Self {
        Self::at(&kubeconfig(), name)
    }

    /// Like [`Place::new`], on another control plane.
    pub fn at(kubeconfig: &Path, name: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(client(kubeconfig));
        let chance = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), name) % 0x10_0000;
        let namespace = format!("{name}-{chance:05x}");
        let place = Place { namespace, kubeconfig: kubeconfig.to_owned(), runtime, client };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}});
        place.post("/api/v1/namespaces", &namespace).expect("a namespace");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "clearml-agent-sa"}});
        place.post(&place.core("serviceaccounts"), &account).expect("a ServiceAccount");
        place.until("the default ServiceAccount", || place.get(&place.core("serviceaccounts/default")).is_ok());
        place
    }

    /// The path of a kind in the core group, or of one of its objects.
    pub fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    /// The path of the task's Pod.
    pub fn pod(&self) -> String {
        self.core(&format!("pods/clearml-id-{TASK}"))
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Value, Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(path).header("Content-Type", kind);
        let request = request.body(body).expect("a request");
        match self.runtime.block_on(self.client.request::<Value>(request)) {
            Ok(value) => Ok(value),
            Err(kube::Error::Api(status)) => Err(serde_json::to_value(status).expect("a status")),
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    pub fn get(&self, path: &str) -> Result<Value, Value> {
        self.ask("GET", path, "application/json", &Value::Null)
    }

    pub fn post(&self, path: &str, object: &Value) -> Result<Value, Value> {
        self.ask("POST", path, "application/json", object)
    }

    pub fn delete(&self, path: &str) -> Result<Value, Value> {
        self.ask("DELETE", path, "application/json", &Value::Null)
    }

    /// Applies as another field manager.
    pub fn apply_as(&self, manager: &str, path: &str, object: &Value) -> Result<Value, Value> {
        self.ask("PATCH", &format!("{path}?fieldManager={manager}"), "application/apply-patch+yaml", object)
    }

    /// Changes an object with a merge patch, which ignores field managers.
    pub fn merge(&self, path: &str, change: &Value) -> Result<Value, Value> {
        self.ask("PATCH", &format!("{path}?fieldManager=hand"), "application/merge-patch+json", change)
    }

    /// The names of all objects of a kind.
    pub fn names(&self, path: &str) -> Vec<String> {
        let list = self.get(path).expect("a list");
        let items = list["items"].as_array().expect("items");
        items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Waits for a condition, with a time limit.
    pub fn until(&self, what: &str, done: impl FnMut() -> bool) {
        until(60, what, done);
    }

    /// Runs `podrules apply` on a case in this namespace.
    pub fn apply(&self, case: &str, more: &[&str]) -> Ran {
        self.apply_by(&self.kubeconfig, case, more)
    }

    /// Like [`Place::apply`], with another kubeconfig.
    pub fn apply_by(&self, kubeconfig: &Path, case: &str, more: &[&str]) -> Ran {
        let mut command = self.command(case);
        command.arg("--kubeconfig").arg(kubeconfig).args(more);
        run(command)
    }

    /// The command line without the cluster options.
    pub fn command(&self, case: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podrules"));
        command.current_dir(folder(case)).args(["apply", "-t", "../../task.json", "-n", &self.namespace]);
        for (option, file) in [("-r", "rules.yaml"), ("-f", "values.yaml")] {
            if folder(case).join(file).exists() {
                command.args([option, file]);
            }
        }
        for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The namespace's objects may show why the test failed, and the control plane may not answer.
            return;
        }
        // The namespace disappears with the control plane anyway.
        let _ = self.delete(&format!("/api/v1/namespaces/{}", self.namespace));
    }
}

/// Waits for a condition, at most this many seconds. Tests don't depend on how long it takes.
pub fn until(seconds: u64, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(seconds), "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command until it exits.
pub fn run(mut command: Command) -> Ran {
    let output = command.output().expect("podrules starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The folder of a case.
pub fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/cases").join(case)
}

//! A scripted API server that misbehaves: what `podrules apply` sends, and what it reports.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/clearml-id-t1";
const POD: &str = "/api/v1/namespaces/default/pods/clearml-id-t1";

/// What the server does with a request.
enum Answer {
    /// It responds.
    With(u16, &'static str, Value),
    /// It closes the connection without a response.
    Nothing,
    /// It doesn't respond, and keeps the connection open.
    Silence,
}
use Answer::{Nothing, Silence, With};

/// A server that expects requests in this order.
struct Script {
    folder: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
    left: Arc<Mutex<VecDeque<(String, Answer)>>>,
}

fn script(name: &str, steps: Vec<(&str, Answer)>) -> Script {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let left: VecDeque<_> = steps.into_iter().map(|(request, answer)| (request.to_owned(), answer)).collect();
    let left = Arc::new(Mutex::new(left));
    let (seen_there, left_there) = (seen.clone(), left.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, left) = (seen_there.clone(), left_there.clone());
            std::thread::spawn(move || serve(&stream.unwrap(), &seen, &left));
        }
    });
    let folder = std::env::temp_dir().join(format!("podrules-faults-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "users": [{"name": "c", "user": {"token": "secret-token"}}],
    });
    std::fs::write(folder.join("kubeconfig"), config.to_string()).unwrap();
    std::fs::write(folder.join("task.json"), r#"{"id": "t1", "container": {"image": "a"}}"#).unwrap();
    let rules = json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": [{"name": "scratch", "companions": [
        {"manifest": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "${pod_name}"}}},
    ]}]});
    std::fs::write(folder.join("rules.yaml"), rules.to_string()).unwrap();
    Script { folder, seen, left }
}

/// Serves the requests of one connection.
fn serve(stream: &TcpStream, seen: &Mutex<Vec<String>>, left: &Mutex<VecDeque<(String, Answer)>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split_whitespace();
        let path = |target: &str| target.split('?').next().unwrap().to_owned();
        let request = format!("{} {}", words.next().unwrap(), path(words.next().unwrap()));
        seen.lock().unwrap().push(format!("{request} {}", String::from_utf8_lossy(&body)).trim().to_owned());
        let mut left = left.lock().unwrap();
        let answer = match left.pop_front() {
            Some((expected, answer)) if expected == request => answer,
            other => {
                let expected = other.map_or("nothing".to_owned(), |(expected, _)| expected);
                With(418, "", json!({"message": format!("the script expects {expected}, not {request}")}))
            }
        };
        drop(left);
        match answer {
            Nothing => return,
            Silence => std::thread::sleep(Duration::from_secs(60)),
            With(status, headers, body) => {
                let body = body.to_string();
                let head = format!("HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{headers}");
                let mut stream = stream;
                stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
            }
        }
    }
}

impl Script {
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podrules"));
        command.current_dir(&self.folder).args(["apply", "-t", "task.json", "-r", "rules.yaml", "-vv"]);
        command.args(["--kubeconfig", "kubeconfig"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self) -> Output {
        self.ended(self.command().output().unwrap())
    }

    /// Whatever happens, the script must be complete and the token must not be in the log.
    fn ended(&self, output: Output) -> Output {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("secret-token"), "{stderr}");
        let left: Vec<String> = self.left.lock().unwrap().iter().map(|(request, _)| request.clone()).collect();
        assert!(left.is_empty(), "not requested: {left:?}\n{:#?}\n{stderr}", self.seen());
        let _ = std::fs::remove_dir_all(&self.folder);
        output
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn refused(code: u16, message: &str) -> Answer {
    With(code, "", json!({"kind": "Status", "status": "Failure", "code": code, "message": message}))
}

fn missing() -> Answer {
    refused(404, "not found")
}

fn kinds() -> (&'static str, Answer) {
    let claims = json!({"name": "persistentvolumeclaims", "kind": "PersistentVolumeClaim", "namespaced": true});
    ("GET /api/v1", With(200, "", json!({"resources": [claims]})))
}

fn object(uid: &str) -> Value {
    json!({"metadata": {"name": "clearml-id-t1", "uid": uid, "labels": {"podrules.io/task-id": "t1"}}})
}

fn said(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
    }
}

fn get(path: &str) -> String {
    format!("GET {path}")
}

fn patch(path: &str) -> String {
    format!("PATCH {path}")
}

#[test]
fn temporary_errors_are_retried_and_retry_after_is_honoured() {
    let busy = With(429, "Retry-After: 1\r\n", json!("Too many requests, please try again later."));
    let (get_pod, get_claim, patch_claim, patch_pod) = (get(POD), get(CLAIM), patch(CLAIM), patch(POD));
    let steps = vec![
        kinds(),
        (get_pod.as_str(), refused(503, "the server is starting")),
        (&get_pod, Nothing),
        (&get_pod, missing()),
        (&get_claim, busy),
        (&get_claim, missing()),
        // Created, but the response was lost: the next one is 200, and the object is still ours.
        (&patch_claim, Nothing),
        (&patch_claim, With(200, "", object("claim"))),
        (&patch_pod, refused(409, "the object has been modified; please apply your changes to the latest version")),
        (&patch_pod, With(201, "", object("pod"))),
        (&patch_claim, With(200, "", object("claim"))),
    ];
    let script = script("passing", steps);
    let started = Instant::now();
    let output = script.run();
    said(&output, 0, &[]);
    assert!(started.elapsed() >= Duration::from_secs(1), "Retry-After");
    let owner = r#""ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"clearml-id-t1","uid":"pod"}]"#;
    assert!(script.seen().last().unwrap().contains(owner));
    assert!(String::from_utf8_lossy(&output.stdout).contains("persistentvolumeclaim/clearml-id-t1 created"));
}

#[test]
fn a_refused_request_is_sent_once_and_rolled_back() {
    let (get_pod, get_claim, patch_claim, patch_pod) = (get(POD), get(CLAIM), patch(CLAIM), patch(POD));
    let delete_claim = format!("DELETE {CLAIM}");
    let steps = vec![
        kinds(),
        (get_pod.as_str(), missing()),
        (&get_claim, missing()),
        (&patch_claim, With(201, "", object("claim"))),
        (&patch_pod, refused(422, "no")),
        (&delete_claim, Nothing),
        (&delete_claim, With(200, "", json!({}))),
    ];
    let script = script("refused", steps);
    let output = script.run();
    said(&output, 1, &["error[api-refused]", "no"]);
    assert!(script.seen().last().unwrap().contains(r#""preconditions":{"uid":"claim"}"#), "{:?}", script.seen());
}

#[test]
fn a_pod_that_cant_own_its_companions_is_rolled_back_with_them() {
    let (get_pod, get_claim, patch_claim, patch_pod) = (get(POD), get(CLAIM), patch(CLAIM), patch(POD));
    let (delete_claim, delete_pod) = (format!("DELETE {CLAIM}"), format!("DELETE {POD}"));
    let steps = vec![
        kinds(),
        (get_pod.as_str(), missing()),
        (&get_claim, missing()),
        (&patch_claim, With(201, "", object("claim"))),
        (&patch_pod, With(201, "", object("pod"))),
        (&patch_claim, refused(403, "pods \"x\" is forbidden: cannot set blockOwnerDeletion")),
        (&delete_pod, With(200, "", json!({}))),
        (&delete_claim, missing()),
    ];
    said(&script("ownership", steps).run(), 5, &["error[api-forbidden]"]);
}

#[test]
fn an_object_that_someone_else_creates_in_the_meantime_isnt_ours() {
    let (get_pod, get_claim, patch_claim) = (get(POD), get(CLAIM), patch(CLAIM));
    let steps = vec![
        kinds(),
        (get_pod.as_str(), missing()),
        (&get_claim, missing()),
        (&patch_claim, With(200, "", object("theirs"))),
    ];
    said(&script("race", steps).run(), 1, &["error[not-ours]", "created by somebody else in the meantime"]);
}

#[test]
fn a_response_that_isnt_json_is_reported() {
    let page = With(403, "", json!("<html>the proxy wants a login</html>"));
    said(&script("page", vec![("GET /api/v1", page)]).run(), 1, &["error[api-refused]", "the proxy wants a login"]);
}

#[test]
fn a_signal_stops_the_launch_and_rolls_it_back() {
    let (get_pod, get_claim, patch_claim, patch_pod) = (get(POD), get(CLAIM), patch(CLAIM), patch(POD));
    let delete_claim = format!("DELETE {CLAIM}");
    let steps = vec![
        kinds(),
        (get_pod.as_str(), missing()),
        (&get_claim, missing()),
        (&patch_claim, With(201, "", object("claim"))),
        // Whether the Pod was created isn't known, so podrules looks for it.
        (&patch_pod, Silence),
        (&get_pod, missing()),
        (&delete_claim, With(200, "", json!({}))),
    ];
    let script = script("signal", steps);
    let child = script.command().spawn().unwrap();
    while !script.seen().iter().any(|request| request.starts_with(&patch_pod)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let output = script.ended(child.wait_with_output().unwrap());
    said(&output, 1, &["error[interrupted]"]);
}

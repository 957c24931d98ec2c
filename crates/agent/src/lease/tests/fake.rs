//! An API server with one Lease, which fails as the test specifies.

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

pub const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/clearml/leases";

/// How a request fails.
pub enum Trouble {
    /// It doesn't fail.
    Nothing,
    /// It is refused with this code and message.
    Refuse(u16, &'static str),
    /// It is carried out, but the response is this code.
    Lost(u16),
    /// The connection breaks.
    Broken,
    /// There is no response.
    Silent,
    /// The response is not JSON.
    Garbage,
    /// Another client changes the Lease first.
    Meddle(fn(&mut Value)),
}

#[derive(Default)]
pub struct State {
    pub lease: Option<Value>,
    pub version: u64,
    /// For the next requests, one each.
    pub script: VecDeque<Trouble>,
    /// For all requests after the script.
    pub down: Option<(u16, &'static str)>,
    /// Method and status code of each request.
    pub log: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Server(pub Arc<Mutex<State>>);

impl Server {
    pub fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or(Value::Null);
                let path = parts.uri.path().to_owned();
                let Some((code, answer)) = server.answer(&parts.method, &path, body)? else {
                    return std::future::pending().await;
                };
                Ok::<_, tower::BoxError>(Response::builder().status(code).body(Body::from(answer.into_bytes()))?)
            }
        });
        kube::Client::new(service, "default")
    }

    pub fn then(&self, trouble: Trouble) -> &Self {
        self.0.lock().unwrap().script.push_back(trouble);
        self
    }

    pub fn down(&self, down: Option<(u16, &'static str)>) {
        self.0.lock().unwrap().down = down;
    }

    pub fn spec(&self) -> Value {
        self.0.lock().unwrap().lease.as_ref().unwrap()["spec"].clone()
    }

    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }

    fn answer(&self, method: &Method, path: &str, body: Value) -> Result<Option<(u16, String)>, tower::BoxError> {
        let mut state = self.0.lock().unwrap();
        let mut lost = None;
        let refuse = |code: u16, why: &str| {
            let status = json!({"kind": "Status", "status": "Failure", "code": code, "message": why, "reason": ""});
            (code, status.to_string())
        };
        let early = match state.script.pop_front() {
            Some(Trouble::Refuse(code, why)) => Some(refuse(code, why)),
            Some(Trouble::Broken) => return Err("connection reset".into()),
            Some(Trouble::Silent) => return Ok(None),
            Some(Trouble::Garbage) => Some((200, "<html>".to_owned())),
            Some(Trouble::Lost(code)) => {
                lost = Some(refuse(code, "lost"));
                None
            }
            Some(Trouble::Meddle(change)) => {
                state.version += 1;
                let version = state.version.to_string();
                let lease = state.lease.as_mut().unwrap();
                change(lease);
                lease["metadata"]["resourceVersion"] = version.into();
                None
            }
            Some(Trouble::Nothing) => None,
            None => state.down.map(|(code, why)| refuse(code, why)),
        };
        let (code, text) = early.unwrap_or_else(|| {
            let (code, value) = state.serve(method, path, body);
            if code < 300 { (code, value.to_string()) } else { refuse(code, "") }
        });
        let (code, text) = lost.unwrap_or((code, text));
        state.log.push(format!("{method} {code}"));
        Ok(Some((code, text)))
    }
}

impl State {
    fn serve(&mut self, method: &Method, path: &str, mut body: Value) -> (u16, Value) {
        let collection = path == PATH;
        assert!(collection == (method == Method::POST) && path.starts_with(PATH), "{path}");
        let current = self.lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        let sent = body["metadata"]["resourceVersion"].clone();
        match (method.as_str(), current) {
            ("GET", Some(_)) => return (200, self.lease.clone().unwrap()),
            ("GET" | "PUT", None) => return (404, Value::Null),
            ("POST", None) if sent.is_null() => {}
            ("PUT", Some(current)) if sent == current => {}
            ("POST" | "PUT", _) => return (409, Value::Null),
            other => panic!("{other:?}"),
        }
        self.version += 1;
        body["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.lease = Some(body.clone());
        (if method == Method::POST { 201 } else { 200 }, body)
    }
}

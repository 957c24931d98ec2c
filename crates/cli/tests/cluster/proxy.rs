//! A plain HTTP proxy between podrules and the API server that injects faults. The fault can be changed at any time.

use super::run::agent::free_port;
use crate::harness::{Place, client};
use futures_util::StreamExt;
use http::{Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to requests. Shares are in percent; the affected requests are spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No fault.
    Pass,
    /// New connections are refused, and existing ones are closed.
    Refuse,
    /// 429 to everything, with `Retry-After`.
    Busy,
    /// This status code instead of a response; the request doesn't reach the API server.
    Broken { code: u16, share: usize },
    /// Watches are expired: half of the new ones by status code, half by an event; open ones by an event.
    Gone,
    /// Every request is delayed by this long.
    Slow(Duration),
    /// Requests are carried out, but no response ever comes; open watches fall silent for good.
    Silent,
    /// Requests are carried out, but the connection is closed before the response.
    LoseAnswers { share: usize },
    /// 401 to everything: the token is no longer valid.
    Unauthorized,
    /// Watch events are delayed by this long.
    Late(Duration),
    /// Responses and events are truncated.
    Cut { share: usize },
}

type Body = UnsyncBoxBody<Bytes, Broken>;

/// The connection must be closed.
#[derive(Debug, thiserror::Error)]
#[error("cut by the proxy")]
struct Broken;

struct State {
    mode: watch::Sender<Mode>,
    client: kube::Client,
    requests: AtomicUsize,
}

/// The proxy. It stops when this is dropped.
pub struct Proxy {
    state: Arc<State>,
    home: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Proxy {
    /// Starts a proxy for the place's API server.
    pub fn new(place: &Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(client(&place.kubeconfig));
        let state = State { mode: watch::Sender::new(Mode::Pass), client, requests: AtomicUsize::new(0) };
        let state = Arc::new(state);
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        runtime.spawn(listen(address, listener, state.clone()));
        let home = tempfile::tempdir().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "users": [{"name": "c", "user": {"token": "of-the-proxy"}}],
        });
        std::fs::write(home.path().join("kubeconfig"), config.to_string()).unwrap();
        Proxy { state, home, _runtime: runtime }
    }

    /// A kubeconfig that goes through the proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    /// Sets the fault from now on.
    pub fn set(&self, mode: Mode) {
        self.state.mode.send_replace(mode);
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }
}

async fn listen(address: SocketAddr, first: TcpListener, state: Arc<State>) {
    let mut mode = state.mode.subscribe();
    let mut connections = tokio::task::JoinSet::new();
    let mut listener = Some(first);
    loop {
        if *mode.borrow_and_update() == Mode::Refuse {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() {
                return;
            },
            accepted = async { match &listener {
                Some(listener) => listener.accept().await,
                None => pending().await,
            } } => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, state.clone()));
            },
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(state.clone(), request));
    // An error is a connection that either side closed.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn said(code: u16, body: &serde_json::Value) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("{body}\n"))).map_err(|never| match never {}).boxed_unsync();
    let answer = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    answer.body(body).unwrap()
}

fn status(code: u16, reason: &str) -> serde_json::Value {
    let message = format!("the proxy says {code}");
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let mode = *state.mode.borrow();
    let count = state.requests.fetch_add(1, Ordering::Relaxed);
    let hit = |share: usize| (count + 1) * share / 100 != count * share / 100;
    let query = request.uri().query().unwrap_or_default();
    let watches = query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
    match mode {
        Mode::Busy => {
            let mut answer = said(429, &status(429, "TooManyRequests"));
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            return Ok(answer);
        }
        Mode::Broken { code, share } if hit(share) => return Ok(said(code, &status(code, "InternalError"))),
        Mode::Gone if watches && count.is_multiple_of(2) => return Ok(said(410, &status(410, "Expired"))),
        Mode::Gone if watches => return Ok(said(200, &json!({"type": "ERROR", "object": status(410, "Expired")}))),
        Mode::Unauthorized => return Ok(said(401, &status(401, "Unauthorized"))),
        Mode::Slow(delay) => tokio::time::sleep(delay).await,
        _ => {}
    }
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    for name in [header::AUTHORIZATION, header::HOST, header::CONNECTION] {
        parts.headers.remove(name);
    }
    let forwarded = Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    let Ok(answer) = state.client.send(forwarded).await else {
        return Ok(said(502, &status(502, "BadGateway")));
    };
    match mode {
        Mode::Silent => {
            // The request was carried out. Its response is lost.
            drop(answer);
            pending().await
        }
        Mode::LoseAnswers { share } if hit(share) => Err(Broken),
        _ => {
            let (mut parts, body) = answer.into_parts();
            for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
                parts.headers.remove(name);
            }
            let cut = matches!(mode, Mode::Cut { share } if hit(share));
            Ok(Response::from_parts(parts, passed(body, &state, watches, cut)))
        }
    }
}

/// The response's body, as far as the current mode lets it through.
fn passed(body: kube::client::Body, state: &State, watches: bool, cut: bool) -> Body {
    let mode = state.mode.subscribe();
    let stream = futures_util::stream::unfold(Some((body, mode)), move |passing| async move {
        let (mut body, mut mode) = passing?;
        loop {
            tokio::select! {
                biased;
                changed = mode.changed() => {
                    changed.ok()?;
                    match *mode.borrow_and_update() {
                        Mode::Silent => {}
                        Mode::Gone if watches => {
                            let event = json!({"type": "ERROR", "object": status(410, "Expired")});
                            return Some((Ok(Frame::data(Bytes::from(format!("{event}\n")))), None));
                        }
                        Mode::Cut { .. } | Mode::LoseAnswers { .. } => return Some((Err(Broken), None)),
                        _ => continue,
                    }
                    pending::<()>().await;
                }
                frame = body.frame() => return match frame?.map(Frame::into_data) {
                    Ok(Ok(data)) if cut && !data.is_empty() => {
                        let half = data.slice(..data.len() / 2);
                        let rest = (kube::client::Body::empty(), mode);
                        Some((if half.is_empty() { Err(Broken) } else { Ok(Frame::data(half)) }, Some(rest)))
                    }
                    Ok(Ok(data)) => Some((Ok(Frame::data(data)), Some((body, mode)))),
                    _ => Some((Err(Broken), None)),
                },
            }
        }
    });
    let mode = state.mode.subscribe();
    let stream = stream.then(move |frame| {
        let mode = *mode.borrow();
        async move {
            if let (true, Mode::Late(delay)) = (watches, mode) {
                tokio::time::sleep(delay).await;
            }
            frame
        }
    });
    // A truncated body must not look complete.
    let end = futures_util::stream::iter(cut.then_some(Err(Broken)));
    StreamBody::new(stream.chain(end)).boxed_unsync()
}

/// `podrules apply` through the proxy: checks that each mode does what it says.
mod tests {
    use super::{Mode, Proxy};
    use crate::harness::Place;
    use std::time::Duration;

    #[test]
    fn without_a_fault_nothing_changes() {
        let place = Place::new("pass");
        let proxy = Proxy::new(&place);
        place.apply_by(&proxy.kubeconfig(), "life-ends", &["--wait=60s"]).fine();
        assert!(proxy.requests() > 1);
        proxy.set(Mode::Slow(Duration::from_millis(200)));
        place.apply_by(&proxy.kubeconfig(), "claim", &["--dry-run=server"]);
    }

    #[test]
    fn outages_are_reported_as_outages() {
        let place = Place::new("outages");
        let proxy = Proxy::new(&place);
        let refused = |mode, words: &[&str]| {
            proxy.set(mode);
            place.apply_by(&proxy.kubeconfig(), "claim", &[]).refused(5, words);
        };
        refused(Mode::Refuse, &["error[api-unreachable]", "refused"]);
        refused(Mode::Unauthorized, &["error[api-forbidden]"]);
        refused(Mode::LoseAnswers { share: 100 }, &["error[api-unreachable]"]);
        proxy.set(Mode::Pass);
        place.apply_by(&proxy.kubeconfig(), "claim", &[]).fine();
    }

    #[test]
    fn partial_faults_are_overcome() {
        for (name, mode) in [
            ("lost", Mode::LoseAnswers { share: 30 }),
            ("broken", Mode::Broken { code: 500, share: 30 }),
            ("cut", Mode::Cut { share: 30 }),
        ] {
            let place = Place::new(name);
            let proxy = Proxy::new(&place);
            proxy.set(mode);
            place.apply_by(&proxy.kubeconfig(), "claim", &[]).fine();
        }
    }
}

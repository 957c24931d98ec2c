//! Metrics and health over HTTP, for Prometheus and for probes.
//!
//! Anybody in the cluster may connect, so connections are limited: each serves one request and lives for seconds, and when there
//! are too many, the oldest one is closed.

use super::Metrics;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use podrules::diagnostic::render::printable_line;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// How long ago the last beat may be.
const SILENCE: Duration = Duration::from_secs(60);
/// Characters of a reason.
const MAX_REASON: usize = 500;
/// The limits on connections.
const LIMITS: Limits = Limits { connections: 64, life: Duration::from_secs(10) };
/// How long open connections may take when the server stops.
const LAST: Duration = Duration::from_secs(2);
/// Bytes of a request's head.
const HEAD: usize = 16 << 10;
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Copy)]
struct Limits {
    connections: usize,
    life: Duration,
}

/// Liveness and readiness of the agent. Clones share them.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    beaten: Instant,
    silence: Duration,
    why_not: Option<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Live, and not ready yet.
    pub fn new() -> Self {
        Self::with(SILENCE)
    }

    fn with(silence: Duration) -> Self {
        let why_not = Some("starting".to_owned());
        Health(Arc::new(Mutex::new(State { beaten: Instant::now(), silence, why_not })))
    }

    /// The loop has completed a round.
    pub fn beat(&self) {
        self.state().beaten = Instant::now();
    }

    /// Sets why the agent isn't ready; `None` if it is.
    pub fn ready(&self, why_not: Option<String>) {
        self.state().why_not = why_not;
    }

    fn live(&self) -> Option<String> {
        let state = self.state();
        let age = state.beaten.elapsed();
        (age >= state.silence).then(|| format!("the loop hasn't completed a round for {} seconds", age.as_secs()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves `/livez` and `/healthz`, `/readyz` and `/metrics` until `stop` ends. Errors of single connections don't end it.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    health: Health,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    run(listener, routes(metrics, health), stop, LIMITS).await;
}

fn routes(metrics: Metrics, health: Health) -> Router {
    let ready = health.clone();
    let live = move || std::future::ready(state(health.live()));
    Router::new()
        .route("/livez", get(live.clone()))
        .route("/healthz", get(live))
        .route("/readyz", get(move || std::future::ready(state(ready.state().why_not.clone()))))
        .route("/metrics", get(async move || ([(CONTENT_TYPE, OPEN_METRICS)], metrics.text())))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
}

/// A response in plain text: a reason may hold text from a task.
fn state(why_not: Option<String>) -> Response {
    match why_not {
        None => "ok\n".into_response(),
        Some(why) => {
            let why: String = printable_line(&why).chars().take(MAX_REASON).collect();
            (StatusCode::SERVICE_UNAVAILABLE, [("x-content-type-options", "nosniff")], format!("{why}\n"))
                .into_response()
        }
    }
}

async fn run(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>, limits: Limits) {
    let mut stop = pin!(stop);
    let mut tasks = JoinSet::new();
    let mut oldest: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // It concerns one connection, or there are no file descriptors left for now.
                tracing::debug!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        oldest.retain(|task| !task.is_finished());
        if oldest.len() >= limits.connections
            && let Some(task) = oldest.pop_front()
        {
            task.abort();
        }
        oldest.push_back(tasks.spawn(tokio::time::timeout(limits.life, answer(stream, routes.clone()))));
    }
    drop(listener);
    let _ = tokio::time::timeout(LAST, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Serves one request.
async fn answer(stream: TcpStream, routes: Router) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().keep_alive(false).max_buf_size(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = connection.await {
        tracing::debug!(error = %printable_line(&error.to_string()), "a connection has failed");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use std::io::{self, Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use tokio::runtime::Runtime;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    struct Server {
        runtime: Runtime,
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
    }

    fn start(health: &Health, limits: Limits) -> Server {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let task = runtime.spawn(run(listener, routes(Metrics::new(), health.clone()), stopped, limits));
        Server { runtime, address, stop, task }
    }

    impl Server {
        fn connect(&self) -> TcpStream {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream
        }

        /// Sends a request; returns the status, the head in lower case, and the body.
        fn ask(&self, request: &str) -> (u16, String, String) {
            let mut stream = self.connect();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
        }

        fn get(&self, path: &str) -> (u16, String) {
            let (code, head, body) = self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
            (code, body)
        }

        /// Reads until the connection ends, with or without an error.
        fn ended(stream: &mut TcpStream) {
            let mut rest = Vec::new();
            match stream.read_to_end(&mut rest) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            }
        }
    }

    #[test]
    fn liveness_and_readiness_are_separate() {
        let health = Health::new();
        let server = start(&health, LIMITS);
        assert_eq!(server.get("/livez"), (200, "ok\n".to_owned()));
        assert_eq!(server.get("/healthz?verbose"), (200, "ok\n".to_owned()));
        assert_eq!(server.get("/readyz"), (503, "starting\n".to_owned()));
        health.ready(None);
        assert_eq!(server.get("/readyz"), (200, "ok\n".to_owned()));
        health.ready(Some(format!("<b>no</b>\r\n\u{1b}[31mleader{}", "x".repeat(9_000))));
        let (code, reason) = server.get("/readyz");
        assert!(code == 503 && reason.starts_with("<b>no</b>␍␊␛[31mleaderx") && reason.len() < 600, "{reason}");
    }

    #[test]
    fn a_hanging_loop_fails_liveness() {
        // With a limit of zero, every heartbeat is too old.
        let server = start(&Health::with(Duration::ZERO), LIMITS);
        assert_eq!(server.get("/livez"), (503, "the loop hasn't completed a round for 0 seconds\n".to_owned()));
        let health = Health::with(Duration::from_secs(60));
        assert_eq!(health.live(), None);
        health.state().beaten -= Duration::from_secs(60);
        assert!(health.live().is_some());
        health.beat();
        assert_eq!(health.live(), None);
    }

    #[test]
    fn metrics_are_served_as_open_metrics() {
        let server = start(&Health::new(), LIMITS);
        let (code, head, body) = server.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(code, 200);
        assert!(head.contains(&format!("content-type: {OPEN_METRICS}")), "{head}");
        assert!(body.contains("podrules_leader 0\n") && body.ends_with("# EOF\n"), "{body}");
    }

    #[test]
    fn other_requests_are_refused() {
        let server = start(&Health::new(), LIMITS);
        for path in ["/", "/metrics/", "/%2e%2e/metrics", "//livez", "*"] {
            assert_eq!(server.get(path), (404, "not found\n".to_owned()), "{path}");
        }
        assert_eq!(server.ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").0, 405);
        assert_eq!(server.ask("nonsense\r\n\r\n").0, 400);
        let long = format!("GET /livez HTTP/1.1\r\nHost: {}", "x".repeat(HEAD));
        assert_eq!(server.ask(&long).0, 431);
    }

    #[test]
    fn silent_clients_dont_pile_up() {
        let server = start(&Health::new(), Limits { life: Duration::from_secs(3_600), ..LIMITS });
        let mut idle: Vec<TcpStream> = (0..LIMITS.connections + 10).map(|_| server.connect()).collect();
        for stream in &mut idle {
            // Writes to closed connections fail.
            let _ = stream.write_all(b"GET /livez HT");
        }
        assert_eq!(server.get("/livez").0, 200);
        Server::ended(&mut idle[0]);
    }

    #[test]
    fn a_connection_is_closed_after_its_timeout() {
        let server = start(&Health::new(), Limits { life: Duration::from_millis(50), ..LIMITS });
        Server::ended(&mut server.connect());
    }

    #[test]
    fn the_server_stops() {
        let server = start(&Health::new(), LIMITS);
        let _open = server.connect();
        server.stop.send(()).unwrap();
        server.runtime.block_on(server.task).unwrap();
        assert!(TcpStream::connect(server.address).is_err());
    }
}

//! One request to the API server: how long it may take, and when it is sent again.
//!
//! Every request that is sent here may be sent twice: it reads, applies what is to be there, or deletes one object by its uid.

use super::client::chain;
use super::connect::Observer;
use super::errors::Fault;
use http::header::{DATE, RETRY_AFTER, WARNING};
use http_body_util::{BodyExt, Limited};
use kube::config::Config;
use kube::core::Status;
use kube::core::response::StatusDetails;
use podrules::diagnostic::{Code, Diagnostic};
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What one answer may take.
const ONE: Duration = Duration::from_secs(15);
/// What all attempts that fail may take together, once the server has answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same before it ever has: its address is likely to be wrong then.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);
/// What it may take to clean up after a launch that failed.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const LARGEST: usize = 64 << 20;

/// A cluster to speak with.
pub struct Cluster {
    client: kube::Client,
    server: String,
    /// Whether it has ever answered.
    reached: AtomicBool,
    /// Milliseconds lost to attempts that failed, of all requests together; of a process that goes on for good each request
    /// has its own.
    lost: Option<AtomicU64>,
    /// Seconds by which the server's clock is ahead of ours.
    ahead: AtomicI64,
    /// Since when no request was answered, and why.
    failing: Mutex<Option<(Instant, String)>>,
}

/// An answer.
pub(super) struct Reply {
    /// Whether the request made the object.
    pub created: bool,
    /// The object.
    pub body: Value,
    /// What the server warns of.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// Makes a client. Nothing is sent yet.
    pub fn new(config: Config) -> Result<Self, Diagnostic> {
        Self::make(config, None, Some(AtomicU64::new(0)))
    }

    /// The same for a process that goes on for good: trouble with one request costs no other its patience.
    pub fn lasting(config: Config, observer: Observer) -> Result<Self, Diagnostic> {
        Self::make(config, Some(observer), None)
    }

    fn make(config: Config, observer: Option<Observer>, lost: Option<AtomicU64>) -> Result<Self, Diagnostic> {
        let server = config.cluster_url.to_string();
        let client = super::connect::client(config, observer).map_err(|error| {
            Diagnostic::new(Code::Kubeconfig, format!("the cluster at {server} can't be used: {}", chain(&error)))
                .help("look at the cluster's and the user's entry in the kubeconfig: certificates, proxy, credentials")
        })?;
        Ok(Cluster {
            client,
            server,
            reached: AtomicBool::new(false),
            lost,
            ahead: AtomicI64::new(0),
            failing: Mutex::default(),
        })
    }

    /// The client, for what isn't one request.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// For how long no request has been answered, and why; nothing if the last one was.
    pub fn failing(&self) -> Option<(Duration, String)> {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.as_ref().map(|(since, why)| (since.elapsed(), why.clone()))
    }

    fn note(&self, started: Instant, fault: Option<&Fault>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal is an answer, too.
        *failing = fault.filter(|fault| fault.worth_another().is_some()).map(|fault| {
            let since = failing.as_ref().map_or(started, |(since, _)| *since);
            (since, fault.to_string())
        });
    }

    /// The time by the server's clock, which is that of what it tells.
    pub fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        (if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) }).unwrap_or(now)
    }

    /// Its address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Starts to count anew: trouble long ago is no reason to give up now.
    pub(super) fn fresh_patience(&self) {
        if let Some(lost) = &self.lost {
            lost.store(0, Ordering::Relaxed);
        }
    }

    /// Starts to count anew with less, for what must be tried even when patience has run out.
    pub(super) fn last_patience(&self) {
        let spent = PATIENCE.saturating_sub(LAST_PATIENCE).as_millis() as u64;
        if let Some(lost) = &self.lost {
            lost.store(spent, Ordering::Relaxed);
        }
    }

    /// Sends a request, again if it makes sense.
    pub(super) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Reply, Fault> {
        self.send_noting(request, &mut false).await
    }

    /// The same, and notes whether an attempt of which no answer came may have been carried out.
    pub(super) async fn send_noting(&self, request: http::Request<Vec<u8>>, doubt: &mut bool) -> Result<Reply, Fault> {
        let own = AtomicU64::new(0);
        let lost = self.lost.as_ref().unwrap_or(&own);
        for attempt in 0.. {
            let started = Instant::now();
            let answer = tokio::time::timeout(ONE, self.once(request.clone())).await;
            let fault = match answer.unwrap_or_else(|_| Err(silent())) {
                Ok(reply) => {
                    self.note(started, None);
                    return Ok(reply);
                }
                Err(fault) => fault,
            };
            self.note(started, Some(&fault));
            *doubt |= matches!(fault, Fault::Unreachable(_));
            let Some(asked) = fault.worth_another() else { return Err(fault) };
            let pause = asked.max(pause(attempt));
            if !self.may_wait(lost, started.elapsed() + pause) {
                return Err(fault);
            }
            tracing::info!(url = %request.uri().path(), why = %fault, ?pause, "trying again");
            tokio::time::sleep(pause).await;
        }
        Err(silent())
    }

    /// Takes time off the patience that is left.
    fn may_wait(&self, lost: &AtomicU64, time: Duration) -> bool {
        let patience = if self.reached.load(Ordering::Relaxed) { PATIENCE } else { FIRST_PATIENCE };
        let time = time.as_millis() as u64;
        let lost = lost.fetch_add(time, Ordering::Relaxed);
        u128::from(lost + time) <= patience.as_millis()
    }

    /// Notes what the server's clock says.
    fn set_clock<B>(&self, response: &http::Response<B>) {
        let text = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let Some(told) = text.and_then(|text| httpdate::parse_http_date(text).ok()) else { return };
        let ahead = match told.duration_since(SystemTime::now()) {
            Ok(ahead) => ahead.as_secs() as i64,
            Err(behind) => -(behind.duration().as_secs() as i64),
        };
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    async fn once(&self, request: http::Request<Vec<u8>>) -> Result<Reply, Fault> {
        let response = self.client.send(request.map(Into::into)).await.map_err(|error| Fault::of(&error))?;
        self.reached.store(true, Ordering::Relaxed);
        self.set_clock(&response);
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let warnings = response.headers().get_all(WARNING).iter();
        let warnings: Vec<String> = warnings.filter_map(|value| warning(value.to_str().ok()?)).collect();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| Fault::Unreachable(chain(&*error)))?.to_bytes();
        let value = serde_json::from_slice::<Value>(&body);
        if (200..300).contains(&status) {
            return value
                .map(|body| Reply { created: status == 201, body, warnings })
                .map_err(|error| Fault::Unreachable(format!("the answer is no JSON: {error}")));
        }
        let told = value.ok().and_then(|value| serde_json::from_value::<Status>(value).ok());
        let mut told = told.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&body[..body.len().min(1_000)]);
            Status::failure(text.trim(), "")
        });
        told.code = status;
        if let Some(seconds) = after {
            told.details.get_or_insert_with(no_details).retry_after_seconds = seconds;
        }
        Err(Fault::Refused(Box::new(told)))
    }
}

/// The text of a header such as `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let text = header.splitn(3, ' ').nth(2)?.strip_prefix('"')?;
    let text = text.rsplit_once('"').map_or(text, |(text, _)| text);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Reads something by its path.
pub(super) async fn get(cluster: &Cluster, path: String) -> Result<Value, Fault> {
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| Fault::Unusable(error.to_string()))?;
    Ok(cluster.send(request).await?.body)
}

fn silent() -> Fault {
    Fault::Unreachable(format!("no answer within {} seconds", ONE.as_secs()))
}

fn no_details() -> StatusDetails {
    let none = String::new;
    StatusDetails { name: none(), group: none(), kind: none(), uid: none(), causes: Vec::new(), retry_after_seconds: 0 }
}

/// How long to pause: twice as long each time, and by chance up to half of it less, so that many don't come back at once.
fn pause(attempt: u32) -> Duration {
    let full = PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
    let chance = RandomState::new().hash_one(attempt) % 512;
    full - full / 1024 * chance as u32
}

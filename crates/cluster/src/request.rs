//! Sending a request to the API server: its timeout and its retries.
//!
//! Every request can be sent twice without harm: it reads, creates an object under a fixed name, applies, or deletes one object
//! by its uid.

use super::client::chain;
use super::connect::Observer;
use super::errors::RequestError;
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

/// The timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The time that failed attempts and the pauses between them may take together, once the API server has answered a request.
const RETRY_BUDGET: Duration = Duration::from_secs(30);
/// The budget until the first response: the address is likely to be wrong.
const FIRST_RETRY_BUDGET: Duration = Duration::from_secs(5);
/// The budget for the clean-up after a failed launch.
const UNDO_RETRY_BUDGET: Duration = Duration::from_secs(10);
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The size limit of a response, in bytes.
const LARGEST: usize = 64 << 20;
/// The size limit of an error's text that isn't a `Status`, in bytes.
const MOST_ERROR_TEXT: usize = 1_000;

/// A cluster, its client, and what is known about its API server.
pub struct Cluster {
    client: kube::Client,
    server: String,
    /// Whether the API server has ever responded.
    reached: AtomicBool,
    /// The milliseconds of the retry budget that all requests together have spent; `None` if each request has its own budget.
    spent: Option<AtomicU64>,
    /// Seconds by which the API server's clock is ahead of ours.
    ahead: AtomicI64,
    /// When the first of the requests that failed in a row was sent, and why the last one failed.
    failing: Mutex<Option<(Instant, String)>>,
}

/// A successful response.
pub(super) struct Reply {
    /// Whether the request created the object.
    pub created: bool,
    /// The object.
    pub body: Value,
    /// The API server's warnings.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// A cluster for one launch: all requests share one retry budget. Nothing is sent yet.
    ///
    /// # Errors
    /// The configuration makes no client: certificates, proxy or credentials are invalid.
    pub fn new(config: Config) -> Result<Self, Diagnostic> {
        Self::make(config, None, Some(AtomicU64::new(0)))
    }

    /// A cluster for a controller: each request has its own retry budget, and `observer` is called after each attempt.
    ///
    /// # Errors
    /// As for [`Cluster::new`].
    pub fn observed(config: Config, observer: Observer) -> Result<Self, Diagnostic> {
        Self::make(config, Some(observer), None)
    }

    fn make(config: Config, observer: Option<Observer>, spent: Option<AtomicU64>) -> Result<Self, Diagnostic> {
        let server = config.cluster_url.to_string();
        let client = super::connect::client(config, observer).map_err(|error| {
            Diagnostic::new(Code::Kubeconfig, format!("the cluster at {server} can't be used: {}", chain(&error))).help(
                "check the certificates, the proxy and the credentials in the kubeconfig's cluster and user entries",
            )
        })?;
        Ok(Cluster {
            client,
            server,
            reached: AtomicBool::new(false),
            spent,
            ahead: AtomicI64::new(0),
            failing: Mutex::default(),
        })
    }

    /// The client, for watches and other requests that aren't sent by this crate.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// How long requests have been failing, and why the last one did; `None` if it got a response.
    pub fn failing(&self) -> Option<(Duration, String)> {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.as_ref().map(|(since, why)| (since.elapsed(), why.clone()))
    }

    fn record(&self, started: Instant, error: Option<&RequestError>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal is a response, too.
        *failing = error.filter(|error| error.retry_after().is_some()).map(|error| {
            let since = failing.as_ref().map_or(started, |(since, _)| *since);
            (since, error.to_string())
        });
    }

    /// The time by the API server's clock, which sets the timestamps of objects.
    pub fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        (if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) }).unwrap_or(now)
    }

    /// The API server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Starts a new retry budget: errors long ago are no reason to give up now.
    pub(super) fn reset_retry_budget(&self) {
        if let Some(spent) = &self.spent {
            spent.store(0, Ordering::Relaxed);
        }
    }

    /// Starts a smaller budget, for the clean-up that is tried even if the budget is spent.
    pub(super) fn start_undo_budget(&self) {
        let used = RETRY_BUDGET.saturating_sub(UNDO_RETRY_BUDGET).as_millis() as u64;
        if let Some(spent) = &self.spent {
            spent.store(used, Ordering::Relaxed);
        }
    }

    /// Sends a request, with retries.
    pub(super) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Reply, RequestError> {
        self.send_tracked(request, &mut false).await
    }

    /// Sends a request, with retries, and sets `uncertain` if an attempt without a response may have been carried out.
    pub(super) async fn send_tracked(
        &self,
        request: http::Request<Vec<u8>>,
        uncertain: &mut bool,
    ) -> Result<Reply, RequestError> {
        let own = AtomicU64::new(0);
        let spent = self.spent.as_ref().unwrap_or(&own);
        for attempt in 0.. {
            let started = Instant::now();
            let reply = tokio::time::timeout(TIMEOUT, self.send_once(request.clone())).await;
            let error = match reply.unwrap_or_else(|_| Err(timed_out())) {
                Ok(reply) => {
                    self.record(started, None);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            self.record(started, Some(&error));
            *uncertain |= matches!(error, RequestError::Unreachable(_));
            let Some(asked) = error.retry_after() else { return Err(error) };
            let pause = asked.max(backoff(attempt));
            if !self.may_spend(spent, started.elapsed() + pause) {
                return Err(error);
            }
            tracing::info!(url = %request.uri().path(), why = %error, ?pause, "retrying");
            tokio::time::sleep(pause).await;
        }
        Err(timed_out())
    }

    /// Takes time from the retry budget; false if the budget is exceeded.
    fn may_spend(&self, spent: &AtomicU64, time: Duration) -> bool {
        let budget = if self.reached.load(Ordering::Relaxed) { RETRY_BUDGET } else { FIRST_RETRY_BUDGET };
        let time = time.as_millis() as u64;
        let spent = spent.fetch_add(time, Ordering::Relaxed);
        u128::from(spent + time) <= budget.as_millis()
    }

    /// Compares the API server's clock with ours.
    fn set_clock<B>(&self, response: &http::Response<B>) {
        let text = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let Some(date) = text.and_then(|text| httpdate::parse_http_date(text).ok()) else { return };
        let ahead = match date.duration_since(SystemTime::now()) {
            Ok(ahead) => ahead.as_secs() as i64,
            Err(behind) => -(behind.duration().as_secs() as i64),
        };
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    async fn send_once(&self, request: http::Request<Vec<u8>>) -> Result<Reply, RequestError> {
        let response = self.client.send(request.map(Into::into)).await.map_err(|error| RequestError::from(&error))?;
        self.reached.store(true, Ordering::Relaxed);
        self.set_clock(&response);
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let warnings = response.headers().get_all(WARNING).iter();
        let warnings: Vec<String> = warnings.filter_map(|value| warning(value.to_str().ok()?)).collect();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| RequestError::Unreachable(chain(&*error)))?.to_bytes();
        let value = serde_json::from_slice::<Value>(&body);
        if (200..300).contains(&status) {
            return value
                .map(|body| Reply { created: status == 201, body, warnings })
                .map_err(|error| RequestError::Unreachable(format!("the response is not JSON: {error}")));
        }
        let refusal = value.ok().and_then(|value| serde_json::from_value::<Status>(value).ok());
        let mut refusal = refusal.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&body[..body.len().min(MOST_ERROR_TEXT)]);
            Status::failure(text.trim(), "")
        });
        refusal.code = status;
        if let Some(seconds) = after {
            refusal.details.get_or_insert_with(no_details).retry_after_seconds = seconds;
        }
        Err(RequestError::Refused(Box::new(refusal)))
    }
}

/// The text of a header such as `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let text = header.splitn(3, ' ').nth(2)?.strip_prefix('"')?;
    let text = text.rsplit_once('"').map_or(text, |(text, _)| text);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Reads a path.
pub(super) async fn get_path(cluster: &Cluster, path: String) -> Result<Value, RequestError> {
    let request =
        http::Request::get(path).body(Vec::new()).map_err(|error| RequestError::Unusable(error.to_string()))?;
    Ok(cluster.send(request).await?.body)
}

fn timed_out() -> RequestError {
    RequestError::Unreachable(format!("no response within {} seconds", TIMEOUT.as_secs()))
}

fn no_details() -> StatusDetails {
    let none = String::new;
    StatusDetails { name: none(), group: none(), kind: none(), uid: none(), causes: Vec::new(), retry_after_seconds: 0 }
}

/// The pause after an attempt: exponential backoff with a jitter of up to half of it, so that many clients don't retry at once.
fn backoff(attempt: u32) -> Duration {
    let full = PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
    let jitter = RandomState::new().hash_one(attempt) % 512;
    full - full / 1024 * jitter as u32
}

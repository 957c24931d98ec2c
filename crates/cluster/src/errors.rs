//! Why a request failed, and whether the same request may succeed later.

use super::client::chain;
use kube::core::Status;
use kube::core::request;
use std::fmt;
use std::time::Duration;

/// Why the same launch may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The API server doesn't answer, or can't handle the request now.
    Unreachable,
    /// A quota is used up.
    Quota,
    /// An object of the same name is being deleted.
    BeingRemoved,
}

/// Why a request to the API server failed, for callers that only need to know whether the object is gone.
#[derive(Debug)]
pub struct ApiError {
    /// The API server's message, or why there is none.
    pub message: String,
    /// Whether the object is gone, so that nothing is left to do.
    pub gone: bool,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        // The API server answers 409 to a deletion by uid if another object has taken the name.
        let replaced = matches!(&error, RequestError::Refused(status) if status.code == 409);
        ApiError { gone: error.not_found() || replaced, message: error.to_string() }
    }
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The API server refused it.
    Refused(Box<Status>),
    /// There was no response, or none that could be read.
    Unreachable(String),
    /// The request can never succeed: certificates, credentials, or the request itself are invalid.
    Unusable(String),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Refused(status) => write!(f, "{} {}", status.code, status.message),
            RequestError::Unreachable(why) | RequestError::Unusable(why) => f.write_str(why),
        }
    }
}

impl From<request::Error> for RequestError {
    fn from(error: request::Error) -> Self {
        RequestError::Unusable(error.to_string())
    }
}

impl From<&kube::Error> for RequestError {
    fn from(error: &kube::Error) -> Self {
        let text = chain(error);
        match error {
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                // A TLS error or a failed credential plugin isn't mended by a retry.
                let never = ["certificate", "auth exec", "auth error", "exec command", "exec-plugin"];
                if never.iter().any(|word| text.contains(word)) {
                    RequestError::Unusable(text)
                } else {
                    RequestError::Unreachable(text)
                }
            }
            kube::Error::Api(status) => RequestError::Refused(status.clone()),
            _ => RequestError::Unusable(text),
        }
    }
}

impl RequestError {
    /// How long the API server asks to wait before a retry; `None` if a retry makes no sense.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            RequestError::Unreachable(_) => Some(Duration::ZERO),
            RequestError::Unusable(_) => None,
            RequestError::Refused(status) => {
                // Two requests updated one ResourceQuota at the same time. A retry succeeds at once.
                let race = status.code == 409 && status.message.contains("the object has been modified");
                // Some versions report an invalid manifest as an internal error.
                let invalid = status.message.contains("typed patch object");
                let transient = status.code == 429 || (status.code >= 500 && !invalid);
                let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
                (race || transient).then(|| Duration::from_secs(seconds.into()))
            }
        }
    }

    /// Why a launch that failed with this error may succeed later; `None` if it can't.
    pub(super) fn retry(&self) -> Option<Retry> {
        match self {
            RequestError::Unreachable(_) => Some(Retry::Unreachable),
            RequestError::Unusable(_) => None,
            RequestError::Refused(status) => match status.code {
                // An expired token is renewed by others, if at all.
                401 | 429 => Some(Retry::Unreachable),
                409 | 500.. if self.retry_after().is_some() => Some(Retry::Unreachable),
                403 if status.message.contains("exceeded quota") => Some(Retry::Quota),
                _ => None,
            },
        }
    }

    /// Whether an object of the same name already exists.
    pub(super) fn already_exists(&self) -> bool {
        matches!(self, RequestError::Refused(status) if status.code == 409 && status.reason == "AlreadyExists")
    }

    /// Whether the object, or its kind, doesn't exist.
    pub(super) fn not_found(&self) -> bool {
        matches!(self, RequestError::Refused(status) if status.code == 404)
    }
}

//! What the API server says, as findings: what is wrong, with which object, in which field, and what to do.

use super::client::chain;
use super::field::resolve;
use super::objects::Object;
use super::{Cluster, MANAGER};
use kube::core::Status;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The Pod.
    Pod,
    /// A companion, by its number in the run's outcome.
    Companion(usize),
}

/// A finding with the field that it is about.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The object.
    pub subject: Subject,
    /// The field.
    pub at: Option<Pointer>,
    /// What is wrong.
    pub diagnostic: Diagnostic,
}

impl Finding {
    pub(super) fn new(subject: Subject, diagnostic: Diagnostic) -> Self {
        Finding { subject, at: None, diagnostic }
    }

    pub(super) fn at(mut self, at: Pointer) -> Self {
        self.at = Some(at);
        self
    }
}

/// Why a request has failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server answered, and refuses.
    Refused(Box<Status>),
    /// No answer, or none that can be read.
    Unreachable(String),
    /// The way to the server can't be made, and never will: certificates, credentials, the request itself.
    Unusable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(status) => write!(f, "{} {}", status.code, status.message),
            Fault::Unreachable(why) | Fault::Unusable(why) => f.write_str(why),
        }
    }
}

/// What is known of a refusal by its text: the field that it is about, and what to do.
const REASONS: &[(&str, &str, &str)] = &[
    (
        "error looking up service account",
        "spec.serviceAccountName",
        "create the ServiceAccount in the Pod's namespace, or name one that is there",
    ),
    ("no PriorityClass with name", "spec.priorityClassName", "`kubectl get priorityclasses` lists those there are"),
    ("the string value of priority", "spec.priority", "leave the number out: the PriorityClass sets it"),
    ("RuntimeClass", "spec.runtimeClassName", "`kubectl get runtimeclasses` lists those there are"),
    (
        "exceeded quota",
        "spec.containers[0].resources",
        "ask for less, wait until others have ended, or have the quota raised: `kubectl describe quota` shows it",
    ),
    (
        "failed quota",
        "spec.containers[0].resources",
        "the namespace has a quota, so requests and limits must be set: see `setResources`",
    ),
    (
        "usage per Container",
        "spec.containers[0].resources",
        "`kubectl describe limitrange` shows the bounds of the namespace",
    ),
    (
        "usage per Pod",
        "spec.containers[0].resources",
        "`kubectl describe limitrange` shows the bounds of the namespace",
    ),
    ("violates PodSecurity", "spec", "set what it names, or use a namespace with another Pod Security level"),
    ("is being terminated", "metadata.namespace", "wait until the namespace has gone, and create it anew"),
    ("ValidatingAdmissionPolicy", "", "the policy belongs to the cluster: its owner knows why"),
    ("admission webhook", "", "the webhook belongs to the cluster: its owner knows why"),
    (
        "pod updates may not change fields",
        "spec",
        "a Pod that is there can hardly be changed: delete it first if the task is to start anew",
    ),
    (
        "field not declared in schema",
        "",
        "correct the field's name and place, or take it out: what `kubectl apply` would drop is refused here",
    ),
    ("duplicate entries for key", "", "leave one of them: server-side apply knows entries by this key"),
];

impl Fault {
    /// Sorts an error of the client.
    pub(super) fn of(error: &kube::Error) -> Self {
        let text = chain(error);
        match error {
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                // What TLS says stays as it is, however often one asks. So does a credential plugin.
                let never = ["certificate", "auth exec", "auth error", "exec command", "exec-plugin"];
                if never.iter().any(|word| text.contains(word)) {
                    Fault::Unusable(text)
                } else {
                    Fault::Unreachable(text)
                }
            }
            kube::Error::Api(status) => Fault::Refused(status.clone()),
            _ => Fault::Unusable(text),
        }
    }

    /// How long the server asks to wait, if the same request may succeed later.
    pub(super) fn worth_another(&self) -> Option<Duration> {
        match self {
            Fault::Unreachable(_) => Some(Duration::ZERO),
            Fault::Unusable(_) => None,
            Fault::Refused(status) => {
                // Two writers of one quota: nobody's fault, and over at once.
                let race = status.code == 409 && status.message.contains("the object has been modified");
                // A manifest that is wrong is reported as a failure of the server in some versions.
                let ours = status.message.contains("typed patch object");
                let passing = status.code == 429 || (status.code >= 500 && !ours);
                let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
                (race || passing).then(|| Duration::from_secs(seconds.into()))
            }
        }
    }

    /// Whether something of the same name is there already.
    pub(super) fn exists(&self) -> bool {
        matches!(self, Fault::Refused(status) if status.code == 409 && status.reason == "AlreadyExists")
    }

    pub(super) fn not_found(&self) -> bool {
        matches!(self, Fault::Refused(status) if status.code == 404)
    }

    /// What to tell of a request for an object.
    pub(super) fn findings(&self, object: &Object, cluster: &Cluster) -> Vec<Finding> {
        let one = |diagnostic| vec![Finding::new(object.subject, diagnostic)];
        match self {
            Fault::Unreachable(why) => {
                let message = format!("the API server at {} can't be reached: {why}", cluster.server());
                one(Diagnostic::new(Code::ApiUnreachable, message)
                    .help("look at the address in the kubeconfig, the network, the proxy; `kubectl cluster-info` asks the same server"))
            }
            Fault::Unusable(why) => {
                let message = format!("the API server at {} can't be used: {why}", cluster.server());
                one(Diagnostic::new(Code::ApiUnreachable, message)
                    .help("look at the certificates and the credentials in the kubeconfig"))
            }
            Fault::Refused(status) => match status.code {
                401 => {
                    let message =
                        format!("the API server at {} doesn't know who we are: {}", cluster.server(), status.message);
                    one(Diagnostic::new(Code::ApiForbidden, message)
                        .help("the token or certificate has expired or belongs to another cluster: log in anew"))
                }
                403 if is_about_rights(&status.message) => {
                    let resource = status.details.as_ref().map_or("", |details| details.kind.as_str());
                    let message = format!("{}: {}", object.id(), status.message);
                    one(Diagnostic::new(Code::ApiForbidden, message).help(format!(
                        "podrules needs get, create, patch and delete on {resource} in the namespace {}: bind a Role that has them",
                        object.namespace
                    )))
                }
                404 if status.message.starts_with("namespaces ") => {
                    let message = format!("{}: there is no namespace {}", object.id(), object.namespace);
                    let found = one(Diagnostic::new(Code::ApiRefused, message).help(format!(
                        "create it with `kubectl create namespace {}`, or name another with -n",
                        object.namespace
                    )));
                    found.into_iter().map(|f| f.at(Pointer::root().child("metadata").child("namespace"))).collect()
                }
                409 => conflicts(status, object),
                429 | 500.. if self.worth_another().is_some() => {
                    let message = format!("the API server at {} can't do it now: {}", cluster.server(), status.message);
                    one(Diagnostic::new(Code::ApiUnreachable, message)
                        .help("it was asked several times; try again later"))
                }
                _ => refusals(status, object),
            },
        }
    }
}

/// Whether a refusal is one of RBAC: what an admission plugin forbids has the same code.
fn is_about_rights(message: &str) -> bool {
    (message.contains("User \"") && message.contains("\" cannot ")) || message.contains("is forbidden: cannot set ")
}

/// What the API server warns of, though it does what is asked.
pub(super) fn warning(object: &Object, text: &str) -> Finding {
    // `spec.containers[0].x: …`
    let field = text.split_once(": ").map_or("", |(field, _)| field);
    let named = field.starts_with("spec.") || field.starts_with("metadata.");
    let at = named.then(|| given(&object.value, resolve(&object.value, field)));
    let message = format!("the API server on {}: {text}", object.id());
    Finding { subject: object.subject, at, diagnostic: Diagnostic::new(Code::ApiWarning, message) }
}

/// Fields that others have set.
fn conflicts(status: &Status, object: &Object) -> Vec<Finding> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let found: Vec<Finding> = causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let at = resolve(&object.value, &cause.field);
            let by = cause.message.split('"').nth(1).unwrap_or("somebody else");
            let message = format!("{}: {at} was set to something else by `{by}`", object.id());
            let help = format!("take it out of the rules, or let {MANAGER} have it with --force-conflicts");
            Finding::new(object.subject, Diagnostic::new(Code::ApiConflict, message).help(help)).at(at)
        })
        .collect();
    if found.is_empty() { refusals(status, object) } else { found }
}

/// An object that the server doesn't want: a finding for each of its reasons.
fn refusals(status: &Status, object: &Object) -> Vec<Finding> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let told: Vec<(String, String)> = causes
        .filter(|cause| !cause.message.is_empty())
        .map(|cause| (cause.field.clone(), cause.message.clone()))
        .collect();
    let told = if told.is_empty() { lines(&status.message) } else { told };
    let mut found: Vec<Finding> = Vec::new();
    for (field, message) in told {
        let known = REASONS.iter().find(|(needle, ..)| message.contains(needle) || status.message.contains(needle));
        let usual = known.map_or("", |(_, field, _)| *field);
        let whole = usual.starts_with("spec") && object.subject != Subject::Pod;
        let mut field = if field.is_empty() && !whole { usual.to_owned() } else { field };
        if let Some(key) = message.strip_prefix("duplicate entries for key ") {
            field.push_str(key);
        }
        let at = (!field.is_empty()).then(|| given(&object.value, resolve(&object.value, &field)));
        let place = at.as_ref().map_or(String::new(), |at| format!("{at}: "));
        let message = format!("the API server refuses {}: {place}{}", object.id(), bare(&message));
        let help = known.map_or("correct the field, or the rule that writes it", |(.., help)| help);
        found.push(Finding {
            subject: object.subject,
            at,
            diagnostic: Diagnostic::new(Code::ApiRefused, message).help(help),
        });
    }
    found
}

/// The place, or the nearest above it that the object has: a field that is missing was written by nobody.
fn given(object: &Value, mut at: Pointer) -> Pointer {
    while at.get(object).is_none() && at.pop().is_some() {}
    at
}

/// Field and reason of each line of a message such as `failed to …: .spec.foo: field not declared in schema`.
fn lines(message: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in message.lines() {
        let start = if line.trim_start().starts_with('.') {
            line.len() - line.trim_start().len()
        } else {
            line.find(": .").map_or(line.len(), |at| at + 2)
        };
        if let Some((field, why)) = line[start..].split_once(": ")
            && !field.contains(' ')
        {
            found.push((field.to_owned(), why.to_owned()));
        }
    }
    if found.is_empty() {
        found.push((String::new(), message.to_owned()));
    }
    found
}

/// The first line of a reason, without the object's name, which is told already.
fn bare(text: &str) -> &str {
    let line = text.lines().next().unwrap_or(text);
    for verdict in [" is forbidden: ", " is invalid: "] {
        if let Some((name, why)) = line.split_once(verdict)
            && name.ends_with('"')
        {
            return why;
        }
    }
    line
}

//! Errors of the API server → findings: what is wrong, with which object, in which field, and what to do.

use super::errors::{RequestError, Retry};
use super::field::resolve;
use super::finding::{Finding, Subject};
use super::objects::Object;
use super::request::Cluster;
use kube::core::Status;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use serde_json::Value;

/// A launch that failed. What it created has been deleted again, unless the API server is unreachable.
#[derive(Debug)]
pub struct LaunchError {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Why the same launch may succeed later; `None` if it can't.
    pub retry: Option<Retry>,
}

impl LaunchError {
    pub(super) fn new(error: &RequestError, object: &Object, cluster: &Cluster) -> Self {
        LaunchError { findings: findings(error, object, cluster), retry: error.retry() }
    }

    pub(super) fn permanent(findings: Vec<Finding>) -> Self {
        LaunchError { findings, retry: None }
    }
}

/// A reason that admission plugins give.
struct Reason {
    /// A part of the API server's message.
    text: &'static str,
    /// The field of a Pod that it is about; empty if that varies.
    field: &'static str,
    help: &'static str,
}

const fn reason(text: &'static str, field: &'static str, help: &'static str) -> Reason {
    Reason { text, field, help }
}

const REASONS: &[Reason] = &[
    reason(
        "error looking up service account",
        "spec.serviceAccountName",
        "create the ServiceAccount in the Pod's namespace, or name an existing one",
    ),
    reason(
        "no PriorityClass with name",
        "spec.priorityClassName",
        "`kubectl get priorityclasses` lists the existing ones",
    ),
    reason("the string value of priority", "spec.priority", "leave the number out: the PriorityClass sets it"),
    reason("RuntimeClass", "spec.runtimeClassName", "`kubectl get runtimeclasses` lists the existing ones"),
    reason(
        "exceeded quota",
        "spec.containers[0].resources",
        "request less, wait until other Pods have finished, or have the quota raised: `kubectl describe quota` shows it",
    ),
    reason(
        "failed quota",
        "spec.containers[0].resources",
        "the namespace has a quota, so requests and limits must be set: see `setResources`",
    ),
    reason(
        "usage per Container",
        "spec.containers[0].resources",
        "`kubectl describe limitrange` shows the limits of the namespace",
    ),
    reason(
        "usage per Pod",
        "spec.containers[0].resources",
        "`kubectl describe limitrange` shows the limits of the namespace",
    ),
    reason(
        "violates PodSecurity",
        "spec",
        "set the fields it names, or use a namespace with another Pod Security level",
    ),
    reason("is being terminated", "metadata.namespace", "wait until the namespace is gone, then create it again"),
    reason("ValidatingAdmissionPolicy", "", "this is a policy of the cluster: ask its administrator"),
    reason("admission webhook", "", "this is a webhook of the cluster: ask its administrator"),
    reason(
        "pod updates may not change fields",
        "spec",
        "most fields of an existing Pod can't be changed: to start the task again, delete the Pod first",
    ),
    reason(
        "field not declared in schema",
        "",
        "correct the field's name or place, or remove it: the API server refuses here what `kubectl apply` would drop",
    ),
    reason("duplicate entries for key", "", "keep one of them: server-side apply identifies entries by this key"),
];

/// What to report of a request for an object that failed.
pub(super) fn findings(error: &RequestError, object: &Object, cluster: &Cluster) -> Vec<Finding> {
    let server = cluster.server();
    let one = |code, message: String, help: &str| {
        vec![Finding::new(object.subject, Diagnostic::new(code, message).help(help))]
    };
    match error {
        RequestError::Unreachable(why) => one(
            Code::ApiUnreachable,
            format!("the API server at {server} can't be reached: {why}"),
            "check the address in the kubeconfig, the network and the proxy; `kubectl cluster-info` contacts the same server",
        ),
        RequestError::Unusable(why) => one(
            Code::ApiUnreachable,
            format!("the API server at {server} can't be used: {why}"),
            "check the certificates and the credentials in the kubeconfig",
        ),
        RequestError::Refused(status) => match status.code {
            401 => one(
                Code::ApiForbidden,
                format!("the API server at {server} didn't accept the credentials: {}", status.message),
                "the token or certificate has expired or belongs to another cluster: log in again",
            ),
            403 if is_rbac(&status.message) => {
                let resource = status.details.as_ref().map_or("", |details| details.kind.as_str());
                let help = format!(
                    "podrules needs get, create, patch and delete on {resource} in the namespace {}: bind a Role that grants them",
                    object.namespace
                );
                one(Code::ApiForbidden, format!("{}: {}", object.id(), status.message), &help)
            }
            404 if status.message.starts_with("namespaces ") => {
                let help = format!(
                    "create it with `kubectl create namespace {}`, or choose another with -n",
                    object.namespace
                );
                let message = format!("{}: the namespace {} doesn't exist", object.id(), object.namespace);
                let found = one(Code::ApiRefused, message, &help);
                found.into_iter().map(|f| f.at(Pointer::root().child("metadata").child("namespace"))).collect()
            }
            409 => conflicts(status, object),
            429 | 500.. if error.retry_after().is_some() => one(
                Code::ApiUnreachable,
                format!("the API server at {server} can't handle the request now: {}", status.message),
                "podrules retried several times; try again later",
            ),
            _ => refusals(status, object),
        },
    }
}

/// Whether RBAC refused. What an admission plugin forbids has the same code.
fn is_rbac(message: &str) -> bool {
    (message.contains("User \"") && message.contains("\" cannot ")) || message.contains("is forbidden: cannot set ")
}

/// A warning of the API server, which carried out the request.
pub(super) fn warning(object: &Object, text: &str) -> Finding {
    // `spec.containers[0].x: …`
    let field = text.split_once(": ").map_or("", |(field, _)| field);
    let named = field.starts_with("spec.") || field.starts_with("metadata.");
    let at = named.then(|| existing(&object.value, resolve(&object.value, field)));
    let message = format!("the API server on {}: {text}", object.id());
    Finding { subject: object.subject, at, diagnostic: Diagnostic::new(Code::ApiWarning, message) }
}

/// A finding for each field that another field manager has set.
fn conflicts(status: &Status, object: &Object) -> Vec<Finding> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let found: Vec<Finding> = causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let at = resolve(&object.value, &cause.field);
            let by = cause.message.split('"').nth(1).unwrap_or("another field manager");
            let message = format!("{}: {at} was set to something else by `{by}`", object.id());
            let help = "remove the field from the rules, or take it over with --force-conflicts";
            Finding::new(object.subject, Diagnostic::new(Code::ApiConflict, message).help(help)).at(at)
        })
        .collect();
    if found.is_empty() { refusals(status, object) } else { found }
}

/// A finding for each reason why the API server refuses an object.
fn refusals(status: &Status, object: &Object) -> Vec<Finding> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<(String, String)> = causes
        .filter(|cause| !cause.message.is_empty())
        .map(|cause| (cause.field.clone(), cause.message.clone()))
        .collect();
    let causes = if causes.is_empty() { lines(&status.message) } else { causes };
    causes.into_iter().map(|(field, message)| refusal(status, object, field, &message)).collect()
}

fn refusal(status: &Status, object: &Object, mut field: String, message: &str) -> Finding {
    let known = REASONS.iter().find(|known| message.contains(known.text) || status.message.contains(known.text));
    if field.is_empty()
        && let Some(known) = known
        && (object.subject == Subject::Pod || !known.field.starts_with("spec"))
    {
        field.push_str(known.field);
    }
    if let Some(key) = message.strip_prefix("duplicate entries for key ") {
        field.push_str(key);
    }
    let at = (!field.is_empty()).then(|| existing(&object.value, resolve(&object.value, &field)));
    let place = at.as_ref().map_or(String::new(), |at| format!("{at}: "));
    let text = format!("the API server refuses {}: {place}{}", object.id(), without_name(message));
    let help = known.map_or("correct the field, or the rule that writes it", |known| known.help);
    Finding { subject: object.subject, at, diagnostic: Diagnostic::new(Code::ApiRefused, text).help(help) }
}

/// The field, or its nearest parent that the object has: nobody wrote a missing field.
fn existing(object: &Value, mut at: Pointer) -> Pointer {
    while at.get(object).is_none() && at.pop().is_some() {}
    at
}

/// The field and the reason in each line of a message such as `failed to …: .spec.foo: field not declared in schema`.
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

/// The first line of a reason, without the object's name, which the message has already.
fn without_name(text: &str) -> &str {
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

//! Predicts the API server's response to a Pod: an error for what it refuses, a warning for what it drops or warns about.
//!
//! The rules are those of Kubernetes 1.34: the [API reference](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/)
//! and its validation of a new Pod after filling in defaults. What depends on the cluster (admission plugins, quotas,
//! whether privileged containers are allowed) is not checked. An error is reported only if the server is certain to refuse
//! the Pod: the check may miss mistakes, but has no false alarms.

mod containers;
mod downward;
mod env;
mod fields;
mod metadata;
mod mounts;
mod node;
mod probes;
mod resources;
mod scheduling;
mod security;
mod selectors;
mod spec;
mod values;
mod volume_sources;
mod volumes;

use crate::diagnostic::{Code, Severity};
use crate::edit::Pointer;
use node::Node;
use serde_json::Value;

/// Something that is wrong with a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The code of the finding.
    pub code: Code,
    /// An error if the API server refuses the Pod for it.
    pub severity: Severity,
    /// The field in the Pod.
    pub at: Pointer,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Checks a complete Pod, as it is sent to the API server. Findings are in the order of the checks, not of the document.
pub fn check(pod: &Value) -> Vec<Finding> {
    let mut out = Findings { list: Vec::new() };
    let root = Node::root(pod);
    fields::check(&root, &mut out);
    if pod.is_object() {
        metadata::check(&root, &mut out);
        spec::check(&root, &mut out);
    }
    out.list
}

/// Checks a template: a Pod whose name, task container and image the agent still has to set.
pub fn check_template(pod: &Value) -> Vec<Finding> {
    let mut findings = check(pod);
    findings.retain(|finding| finding.code != Code::MissingField || !is_filled_in(&finding.at.to_string()));
    findings
}

fn is_filled_in(place: &str) -> bool {
    matches!(
        place,
        "$.metadata.name" | "$.spec" | "$.spec.containers" | "$.spec.containers[0].name" | "$.spec.containers[0].image"
    )
}

/// The findings so far.
struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds an error: the API server refuses this.
    fn error(&mut self, code: Code, at: Pointer, message: impl Into<String>) {
        self.list.push(Finding { code, severity: Severity::Error, at, message: message.into(), help: None });
    }

    /// Adds a warning: the API server accepts this, but it is probably a mistake.
    fn warn(&mut self, code: Code, at: Pointer, message: impl Into<String>) {
        self.list.push(Finding { code, severity: Severity::Warning, at, message: message.into(), help: None });
    }

    /// Sets the help of the last finding.
    fn help(&mut self, help: impl Into<String>) {
        if let Some(last) = self.list.last_mut() {
            last.help = Some(help.into());
        }
    }
}

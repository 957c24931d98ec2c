//! What the API server would say of a Pod: what it refuses is an error, what it drops or warns of is a warning.
//!
//! The rules are those of Kubernetes 1.34: the [API reference](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/)
//! and what its validation does with a Pod that is created, defaults filled in first. What hangs on the cluster (admission
//! plugins, quotas, whether privileged containers are allowed) is not judged. An error is only reported where the server
//! surely refuses: so a check may miss something, and what it finds can be relied on.

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
    /// What kind of thing.
    pub code: Code,
    /// An error if the API server refuses the Pod for it.
    pub severity: Severity,
    /// Where.
    pub at: Pointer,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Checks a whole Pod, as it goes to the API server. Findings come in the order of the checks, not of the document.
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

/// Checks a template: a Pod that the agent has yet to give its name, its task's container and that container's image.
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
    /// The API server refuses this.
    fn error(&mut self, code: Code, at: Pointer, message: impl Into<String>) {
        self.list.push(Finding { code, severity: Severity::Error, at, message: message.into(), help: None });
    }

    /// The API server takes this, but it's hardly meant.
    fn warn(&mut self, code: Code, at: Pointer, message: impl Into<String>) {
        self.list.push(Finding { code, severity: Severity::Warning, at, message: message.into(), help: None });
    }

    /// Says what to do about the last finding.
    fn help(&mut self, help: impl Into<String>) {
        if let Some(last) = self.list.last_mut() {
            last.help = Some(help.into());
        }
    }
}

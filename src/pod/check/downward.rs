//! References to the Pod's own fields
//! ([Downward API](https://kubernetes.io/docs/concepts/workloads/pods/downward-api/)).

use super::values::not_a_key;
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;
use crate::pod::quantity::Quantity;

/// What a reference is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Env,
    Volume,
}

const ENV: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
    // An old name of spec.nodeName.
    "spec.host",
];

const VOLUME: &[&str] =
    &["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];

const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
];

const DIVISORS: &[&str] = &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// Checks a `fieldRef`.
pub(super) fn field(reference: &Node, usage: Use, out: &mut Findings) {
    if let Some(version) = reference.text_of("apiVersion").filter(|version| *version != "v1") {
        out.error(Code::BadFieldValue, reference.place("apiVersion"), format!("{version:?} is not v1"));
        return;
    }
    let Some(path) = reference.text_of("fieldPath") else { return };
    let known = if usage == Use::Env { ENV } else { VOLUME };
    let subscript = path.strip_suffix("']").and_then(|path| path.split_once("['")).filter(|(base, _)| !base.is_empty());
    let problem = match subscript {
        Some(("metadata.labels", key)) if names::is_label_key(key) => return,
        Some(("metadata.annotations", key)) if names::is_label_key(&key.to_lowercase()) => return,
        Some(("metadata.labels" | "metadata.annotations", key)) => not_a_key(key),
        _ if known.contains(&path) => return,
        _ => format!(
            "`{path}` is not one of {}, metadata.labels['<key>'], metadata.annotations['<key>']",
            known.iter().filter(|path| **path != "spec.host").copied().collect::<Vec<_>>().join(", ")
        ),
    };
    out.error(Code::BadFieldValue, reference.place("fieldPath"), problem);
}

/// Checks a `resourceFieldRef`.
pub(super) fn resource(reference: &Node, out: &mut Findings) {
    let Some(resource) = reference.text_of("resource") else { return };
    let huge = resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
    if !huge && !RESOURCES.contains(&resource) {
        let message = format!("`{resource}` is not one of {}", RESOURCES.join(", "));
        out.error(Code::BadFieldValue, reference.place("resource"), message);
        return;
    }
    let Some(divisor) = reference.field("divisor") else { return };
    let allowed: &[&str] = if resource.ends_with(".cpu") { &["1m", "1"] } else { DIVISORS };
    match Quantity::from_value(divisor.value) {
        Ok(value) if !value.is_zero() && !allowed.contains(&value.to_string().as_str()) => {
            let message = format!("the divisor must be one of {}", allowed.join(", "));
            out.error(Code::BadFieldValue, divisor.pointer(), message);
        }
        Ok(_) => {}
        Err(why) => out.error(Code::BadQuantity, divisor.pointer(), why.to_string()),
    }
}

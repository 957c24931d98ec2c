//! Requests and limits
//! ([Resource Management](https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/)).

use super::values::not_a_key;
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;
use crate::pod::quantity::Quantity;
use std::collections::HashSet;

const STANDARD: &[&str] = &["cpu", "memory", "ephemeral-storage"];

/// The resources of a container.
pub(super) fn container(container: &Node, claims: &HashSet<&str>, out: &mut Findings) {
    let Some(resources) = container.field("resources").filter(|resources| resources.value.is_object()) else { return };
    requests_and_limits(&resources, out);
    let mut seen = HashSet::new();
    if let Some(list) = resources.field("claims") {
        for claim in list.items() {
            let Some(name) = claim.text_of("name") else { continue };
            if !seen.insert((name, claim.text_of("request"))) {
                out.error(Code::DuplicateName, claim.place("name"), format!("the claim {name} appears twice"));
            }
            if !claims.contains(name) {
                let message = format!("the Pod has no resource claim {name:?}");
                out.error(Code::DanglingReference, claim.place("name"), message);
            }
        }
    }
}

fn requests_and_limits(resources: &Node, out: &mut Findings) {
    let limits = resources.field("limits");
    let requests = resources.field("requests");
    for (resource, value) in limits.iter().chain(&requests).flat_map(Node::entries) {
        resource_name(&value, resource, out);
        amount(&value, resource, out);
    }
    for (resource, value) in requests.iter().flat_map(Node::entries) {
        let Ok(request) = Quantity::from_value(value.value) else { continue };
        let limit = limits.as_ref().and_then(|limits| limits.value.get(resource));
        // The server rounds to thousandths before it compares.
        match limit.map(Quantity::from_value) {
            None if !is_overcommitted(resource) => {
                out.error(
                    Code::MissingField,
                    resources.place("limits").child(resource),
                    format!("{resource} needs a limit"),
                );
                out.help(format!("write {resource} under limits; the request is then the same"));
            }
            Some(Ok(limit)) if !is_overcommitted(resource) && request.millis() != limit.millis() => {
                let message = format!("the request for {resource}, {request}, must be the same as its limit, {limit}");
                out.error(Code::BadQuantity, value.pointer(), message);
            }
            Some(Ok(limit)) if request.millis() > limit.millis() => {
                let message = format!("the request for {resource}, {request}, is more than its limit, {limit}");
                out.error(Code::BadQuantity, value.pointer(), message);
            }
            _ => {}
        }
    }
    let has = |wanted: &dyn Fn(&str) -> bool| {
        limits.iter().chain(&requests).flat_map(Node::entries).any(|(key, _)| wanted(key))
    };
    if has(&|key| key.starts_with("hugepages-")) && !has(&|key| matches!(key, "cpu" | "memory")) {
        out.error(Code::BadQuantity, resources.pointer(), "huge pages need cpu or memory too");
    }
}

/// Whether a request may be less than its limit: not for huge pages and extended resources.
fn is_overcommitted(resource: &str) -> bool {
    is_native(resource) && !resource.starts_with("hugepages-")
}

fn is_native(resource: &str) -> bool {
    !resource.contains('/') || resource.contains("kubernetes.io/")
}

fn is_extended(resource: &str) -> bool {
    // A quota puts `requests.` before the name, and that must still be a name.
    !is_native(resource) && !resource.starts_with("requests.") && names::is_label_key(&format!("requests.{resource}"))
}

fn resource_name(at: &Node, resource: &str, out: &mut Findings) {
    if !names::is_label_key(resource) {
        out.error(Code::BadName, at.pointer(), not_a_key(resource));
    } else if !resource.contains('/') && !STANDARD.contains(&resource) && !resource.starts_with("hugepages-") {
        let message = format!(
            "`{resource}` is not a resource: {}, hugepages-<size>, or a name with a domain",
            STANDARD.join(", ")
        );
        out.error(Code::BadName, at.pointer(), message);
        if matches!(resource, "gpu" | "gpus" | "nvidia") {
            out.help("did you mean `nvidia.com/gpu`?");
        }
    } else if !is_native(resource) && !is_extended(resource) {
        out.error(Code::BadName, at.pointer(), format!("`{resource}` can't name an extended resource"));
    }
}

fn amount(at: &Node, resource: &str, out: &mut Findings) {
    let quantity = match Quantity::from_value(at.value) {
        Ok(quantity) => quantity,
        Err(why) => {
            if at.value.is_string() || at.value.is_number() {
                let text = at.text().map_or_else(|| at.value.to_string(), str::to_string);
                out.error(Code::BadQuantity, at.pointer(), format!("{text:?} is not a quantity: {why}"));
            }
            return;
        }
    };
    if quantity.is_negative() {
        out.error(Code::BadQuantity, at.pointer(), format!("{quantity} is negative"));
    } else if is_extended(resource) && quantity.millis() % 1000 != 0 {
        out.error(Code::BadQuantity, at.pointer(), format!("{resource} must be an integer, not {quantity}"));
    } else if let Some(size) = resource.strip_prefix("hugepages-") {
        let size = Quantity::parse(size).map_or(0, |size| size.units());
        if size <= 0 || quantity.units() % size != 0 {
            out.error(
                Code::BadQuantity,
                at.pointer(),
                format!("{quantity} is not a multiple of the page size in {resource}"),
            );
        }
    }
}

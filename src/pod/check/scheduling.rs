//! Where the Pod may run: tolerations, affinity, topology spread.

use super::selectors::{label_selector, node_term};
use super::values::{label_key, not_a_label_value, one_of, range};
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;
use std::collections::HashSet;

pub(super) fn check(spec: &Node, out: &mut Findings) {
    if let Some(list) = spec.field("tolerations") {
        list.items().for_each(|item| toleration(&item, out));
    }
    if let Some(affinity) = spec.field("affinity") {
        if let Some(node) = affinity.field("nodeAffinity") {
            node_affinity(&node, out);
        }
        for key in ["podAffinity", "podAntiAffinity"] {
            if let Some(pods) = affinity.field(key) {
                pod_affinity(&pods, out);
            }
        }
    }
    if let Some(list) = spec.field("topologySpreadConstraints") {
        topology_spread(&list, out);
    }
}

fn toleration(item: &Node, out: &mut Findings) {
    let operator = item.text_of("operator");
    match item.field("key") {
        Some(key) if key.text() != Some("") => {
            if let Some(text) = key.text() {
                label_key(&key, text, out);
            }
        }
        _ if operator == Some("Exists")
            || item.value.get("operator").is_some_and(|o| !o.is_string() && !o.is_null()) => {}
        _ => {
            out.error(
                Code::BadFieldValue,
                item.place("operator"),
                "a toleration without a key must have operator Exists",
            );
            out.help("it then tolerates every taint");
        }
    }
    let value = item.text_of("value").unwrap_or_default();
    match operator {
        None | Some("Equal") if !names::is_label_value(value) => {
            out.error(Code::BadName, item.place("value"), not_a_label_value(value));
        }
        Some("Exists") if !value.is_empty() => {
            out.error(Code::BadFieldValue, item.place("value"), "a toleration with operator Exists can't have a value");
        }
        // Gt and Lt are new in 1.35, behind a feature gate.
        Some("Gt" | "Lt") => {
            out.warn(Code::BadFieldValue, item.place("operator"), "few clusters support this operator")
        }
        _ => one_of(item, "operator", &["Equal", "Exists"], out),
    }
    one_of(item, "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"], out);
    if item.field("tolerationSeconds").is_some()
        && matches!(item.text_of("effect"), None | Some("NoSchedule" | "PreferNoSchedule"))
    {
        out.error(Code::BadFieldValue, item.place("effect"), "tolerationSeconds needs effect NoExecute");
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn node_affinity(node: &Node, out: &mut Findings) {
    if let Some(required) = node.field(REQUIRED)
        && let Some(terms) = required.field("nodeSelectorTerms")
    {
        terms.items().for_each(|term| node_term(&term, true, out));
    }
    if let Some(preferred) = node.field(PREFERRED) {
        for term in preferred.items() {
            range(&term, "weight", 1, 100, out);
            if let Some(preference) = term.field("preference") {
                node_term(&preference, false, out);
            }
        }
    }
}

fn pod_affinity(pods: &Node, out: &mut Findings) {
    if let Some(required) = pods.field(REQUIRED) {
        required.items().for_each(|term| pod_term(&term, out));
    }
    if let Some(preferred) = pods.field(PREFERRED) {
        for weighted in preferred.items() {
            range(&weighted, "weight", 1, 100, out);
            if let Some(term) = weighted.field("podAffinityTerm") {
                pod_term(&term, out);
            }
        }
    }
}

fn pod_term(term: &Node, out: &mut Findings) {
    if let Some(key) = term.field("topologyKey")
        && let Some(text) = key.text().filter(|text| !text.is_empty())
    {
        label_key(&key, text, out);
    }
    for key in ["labelSelector", "namespaceSelector"] {
        if let Some(selector) = term.field(key) {
            label_selector(&selector, out);
        }
    }
    if let Some(list) = term.field("namespaces") {
        for item in list.items() {
            if let Some(name) = item.text().filter(|name| !names::is_dns1123_label(name)) {
                out.error(Code::BadName, item.pointer(), format!("{name:?} is not a valid namespace name"));
            }
        }
    }
}

fn topology_spread(list: &Node, out: &mut Findings) {
    let mut seen = HashSet::new();
    for item in list.items() {
        range(&item, "maxSkew", 1, i64::from(i32::MAX), out);
        range(&item, "minDomains", 1, i64::from(i32::MAX), out);
        one_of(&item, "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"], out);
        if item.field("minDomains").is_some() && item.text_of("whenUnsatisfiable") == Some("ScheduleAnyway") {
            out.error(
                Code::BadFieldValue,
                item.place("minDomains"),
                "minDomains needs whenUnsatisfiable DoNotSchedule",
            );
        }
        for key in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            one_of(&item, key, &["Honor", "Ignore"], out);
        }
        if let Some(selector) = item.field("labelSelector") {
            label_selector(&selector, out);
        }
        if let (Some(key), Some(when)) = (item.text_of("topologyKey"), item.text_of("whenUnsatisfiable"))
            && !seen.insert((key, when))
        {
            let message = format!("there is already a constraint for {key} with {when}");
            out.error(Code::DuplicateName, item.place("topologyKey"), message);
        }
    }
}

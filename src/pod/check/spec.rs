//! Checks the fields of a Pod's spec, and calls the checks of its parts.

use super::values::{ip, label_field, labels, not_a_key, not_a_subdomain, one_of, range, subdomain, subdomain_field};
use super::{Findings, Node, containers, scheduling, security, volumes};
use crate::diagnostic::Code;
use crate::pod::names;
use std::collections::HashSet;

pub(super) fn check(pod: &Node, out: &mut Findings) {
    let Some(spec) = pod.field("spec") else {
        out.error(Code::MissingField, pod.place("spec"), "a Pod needs a spec");
        return;
    };
    if !spec.value.is_object() {
        return;
    }
    let volumes = volumes::check(pod, &spec, out);
    let claims = resource_claims(&spec, out);
    containers::check(&spec, &volumes, &claims, out);
    security::pod(&spec, out);
    scheduling::check(&spec, out);
    one_of(&spec, "restartPolicy", &["Always", "OnFailure", "Never"], out);
    one_of(&spec, "preemptionPolicy", &["PreemptLowerPriority", "Never"], out);
    range(&spec, "activeDeadlineSeconds", 1, i64::from(i32::MAX), out);
    label_field(&spec, "hostname", out);
    label_field(&spec, "subdomain", out);
    for key in ["nodeName", "priorityClassName", "serviceAccountName"] {
        subdomain_field(&spec, key, out);
    }
    // An empty name is not a valid runtime class; an absent one is fine.
    if let Some(text) = spec.field("runtimeClassName").and_then(|class| class.text()) {
        subdomain(&spec, "runtimeClassName", text, out);
    }
    if let Some(map) = spec.field("nodeSelector") {
        labels(&map, out);
    }
    if let Some(list) = spec.field("hostAliases") {
        list.items().for_each(|alias| host_alias(&alias, out));
    }
    dns(&spec, out);
    gates(&spec, out);
    if let Some(os) = spec.field("os") {
        one_of(&os, "name", &["linux", "windows"], out);
    }
    if let Some(list) = spec.field("ephemeralContainers")
        && list.items().next().is_some()
    {
        out.error(Code::BadFieldValue, list.pointer(), "a new Pod can't have ephemeral containers");
    }
}

fn host_alias(alias: &Node, out: &mut Findings) {
    if let Some(address) = alias.field("ip")
        && address.text() != Some("")
    {
        ip(&address, out);
    }
    if let Some(names) = alias.field("hostnames") {
        for name in names.items() {
            if let Some(text) = name.text().filter(|text| !names::is_dns1123_subdomain(text)) {
                out.error(Code::BadName, name.pointer(), not_a_subdomain(text));
            }
        }
    }
}

fn dns(spec: &Node, out: &mut Findings) {
    one_of(spec, "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"], out);
    let config = spec.field("dnsConfig");
    let servers = config.as_ref().and_then(|config| config.field("nameservers"));
    let count = servers.as_ref().map_or(0, |servers| servers.items().count());
    if spec.text_of("dnsPolicy") == Some("None") && count == 0 {
        let at = spec.place("dnsConfig").child("nameservers");
        out.error(Code::MissingField, at, "dnsPolicy None needs a nameserver");
    }
    if let Some(servers) = servers {
        if count > 3 {
            out.error(
                Code::BadFieldValue,
                servers.pointer(),
                format!("there are {count} nameservers, but at most 3 are allowed"),
            );
        }
        servers.items().for_each(|server| ip(&server, out));
    }
    let Some(config) = config else { return };
    if let Some(searches) = config.field("searches") {
        let texts: Vec<&str> = searches.items().filter_map(|item| item.text()).collect();
        if texts.len() > 32 || texts.join(" ").len() > 2048 {
            out.error(
                Code::BadFieldValue,
                searches.pointer(),
                "at most 32 search domains are allowed, with at most 2048 characters in all",
            );
        }
        for item in searches.items() {
            let Some(text) = item.text().filter(|text| *text != ".") else { continue };
            // Underscores are allowed from 1.34 on.
            let plain = text.strip_suffix('.').unwrap_or(text).replace('_', "a");
            if !names::is_dns1123_subdomain(&plain) {
                out.error(Code::BadName, item.pointer(), not_a_subdomain(text));
            }
        }
    }
    if let Some(options) = config.field("options") {
        for option in
            options.items().filter(|option| option.value.get("name").is_none_or(|name| name == "" || name.is_null()))
        {
            out.error(Code::MissingField, option.place("name"), "a DNS option needs a name");
        }
    }
}

fn gates(spec: &Node, out: &mut Findings) {
    let mut seen = HashSet::new();
    if let Some(list) = spec.field("schedulingGates") {
        for gate in list.items() {
            let Some(name) = gate.text_of("name") else { continue };
            if !names::is_label_key(name) {
                out.error(Code::BadName, gate.place("name"), not_a_key(name));
            }
            if !seen.insert(name) {
                out.error(
                    Code::DuplicateName,
                    gate.place("name"),
                    format!("there is already a scheduling gate {name}"),
                );
            }
        }
        if !seen.is_empty() && spec.text_of("nodeName").is_some() {
            out.error(Code::BadFieldValue, spec.place("nodeName"), "a Pod with scheduling gates can't have a node yet");
        }
    }
    if let Some(list) = spec.field("readinessGates") {
        for gate in list.items() {
            if let Some(name) = gate.text_of("conditionType").filter(|name| !names::is_label_key(name)) {
                out.error(Code::BadName, gate.place("conditionType"), not_a_key(name));
            }
        }
    }
}

/// Checks the Pod's resource claims and returns their names.
fn resource_claims<'v>(spec: &Node<'_, 'v>, out: &mut Findings) -> HashSet<&'v str> {
    let mut seen = HashSet::new();
    let Some(list) = spec.field("resourceClaims") else { return seen };
    for claim in list.items() {
        label_field(&claim, "name", out);
        if let Some(name) = claim.text_of("name")
            && !seen.insert(name)
        {
            out.error(Code::DuplicateName, claim.place("name"), format!("there is already a resource claim {name}"));
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        if claim.value.is_object() && sources.iter().filter(|key| claim.field(key).is_some()).count() != 1 {
            let message = "a resource claim needs either resourceClaimName or resourceClaimTemplateName";
            out.error(Code::BadFieldValue, claim.pointer(), message);
        }
        for key in sources {
            subdomain_field(&claim, key, out);
        }
    }
    seen
}

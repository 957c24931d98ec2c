//! Checks security contexts of the Pod and its containers, and the use of the host's namespaces.

use super::values::{descending, one_of, range};
use super::{Findings, Node};
use crate::diagnostic::Code;
use std::collections::HashSet;

/// Checks user and group ids.
const MOST_ID: i64 = i32::MAX as i64;

pub(super) fn pod(spec: &Node, out: &mut Findings) {
    if spec.says("hostPID") && spec.says("shareProcessNamespace") {
        let message = "a Pod can't have both hostPID and shareProcessNamespace";
        out.error(Code::BadFieldValue, spec.place("shareProcessNamespace"), message);
    }
    if spec.value.get("hostUsers").and_then(serde_json::Value::as_bool) == Some(false) {
        for key in ["hostPID", "hostIPC", "hostNetwork"].into_iter().filter(|key| spec.says(key)) {
            out.error(Code::BadFieldValue, spec.place(key), format!("a Pod with hostUsers: false can't have {key}"));
        }
    }
    let Some(context) = spec.field("securityContext") else { return };
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        range(&context, key, 0, MOST_ID, out);
    }
    if let Some(groups) = context.field("supplementalGroups") {
        for group in groups.items() {
            if let Some(id) = group.value.as_i64().filter(|id| !(0..=MOST_ID).contains(id)) {
                let message = format!("{id} is out of range: it must be from 0 to {MOST_ID}");
                out.error(Code::BadFieldValue, group.pointer(), message);
            }
        }
    }
    one_of(&context, "fsGroupChangePolicy", &["OnRootMismatch", "Always"], out);
    one_of(&context, "supplementalGroupsPolicy", &["Merge", "Strict"], out);
    if let Some(sysctls) = context.field("sysctls") {
        self::sysctls(&sysctls, out);
    }
    profiles(&context, out);
}

pub(super) fn container(container: &Node, spec: &Node, out: &mut Findings) {
    let Some(context) = container.field("securityContext") else { return };
    for key in ["runAsUser", "runAsGroup"] {
        range(&context, key, 0, MOST_ID, out);
    }
    one_of(&context, "procMount", &["Default", "Unmasked"], out);
    let host_users = spec.value.get("hostUsers").and_then(serde_json::Value::as_bool).unwrap_or(true);
    if context.text_of("procMount") == Some("Unmasked") && host_users {
        out.error(Code::BadFieldValue, context.place("procMount"), "Unmasked needs hostUsers: false in the Pod");
    }
    if context.value.get("allowPrivilegeEscalation").and_then(serde_json::Value::as_bool) == Some(false) {
        let at = || context.place("allowPrivilegeEscalation");
        if context.says("privileged") {
            out.error(Code::BadFieldValue, at(), "a privileged container can't have allowPrivilegeEscalation: false");
        }
        let added = context.field("capabilities");
        let added = added.as_ref().and_then(|capabilities| capabilities.field("add"));
        if added.iter().flat_map(Node::items).any(|capability| capability.text() == Some("CAP_SYS_ADMIN")) {
            out.error(
                Code::BadFieldValue,
                at(),
                "a container with CAP_SYS_ADMIN can't have allowPrivilegeEscalation: false",
            );
        }
    }
    profiles(&context, out);
}

/// Checks the seccomp and AppArmor profiles.
fn profiles(context: &Node, out: &mut Findings) {
    for key in ["seccompProfile", "appArmorProfile"] {
        let Some(profile) = context.field(key) else { continue };
        one_of(&profile, "type", &["Localhost", "RuntimeDefault", "Unconfined"], out);
        let local = profile.field("localhostProfile");
        match profile.text_of("type") {
            Some("Localhost") if local.is_none() => {
                out.error(
                    Code::MissingField,
                    profile.place("localhostProfile"),
                    "type Localhost needs localhostProfile",
                );
            }
            Some("RuntimeDefault" | "Unconfined") if local.is_some() => {
                out.error(
                    Code::BadFieldValue,
                    profile.place("localhostProfile"),
                    "only type Localhost can have a localhostProfile",
                );
            }
            _ => {}
        }
        if key == "seccompProfile" {
            descending(&profile, "localhostProfile", out);
        }
    }
}

fn sysctls(list: &Node, out: &mut Findings) {
    let mut seen = HashSet::new();
    for sysctl in list.items() {
        let Some(name) = sysctl.text_of("name") else { continue };
        if !is_sysctl(name) {
            out.error(Code::BadName, sysctl.place("name"), format!("{name:?} is not a valid sysctl name"));
        } else if !seen.insert(name) {
            out.error(Code::DuplicateName, sysctl.place("name"), format!("the sysctl {name} appears twice"));
        }
    }
}

/// Whether a text is a sysctl's name: segments separated by dots or slashes, each with a letter or digit at both ends.
fn is_sysctl(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let segment = |part: &str| {
        let bytes = part.as_bytes();
        matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if plain(*a) && plain(*z))
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}

//! Probes and lifecycle hooks.

use super::values::{one_of, range};
use super::{Findings, Node};
use crate::diagnostic::Code;
use crate::pod::names;
use serde_json::Value;

const MOST: i64 = i32::MAX as i64;

/// The default of a Pod's terminationGracePeriodSeconds.
const GRACE: i64 = 30;

pub(super) fn check(container: &Node, spec: &Node, out: &mut Findings) {
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.field(key).filter(|probe| probe.value.is_object()) else { continue };
        handler(&probe, &["exec", "httpGet", "tcpSocket", "grpc"], spec, out);
        for number in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"] {
            range(&probe, number, 0, MOST, out);
        }
        if key == "readinessProbe" {
            range(&probe, "successThreshold", 0, MOST, out);
            if probe.field("terminationGracePeriodSeconds").is_some() {
                let message = "a readiness probe doesn't end the container, so it can't have this field";
                out.error(Code::BadFieldValue, probe.place("terminationGracePeriodSeconds"), message);
            }
        } else {
            // 0 counts as the default, which is 1.
            if probe.number_of("successThreshold").is_some_and(|count| !(0..=1).contains(&count)) {
                out.error(Code::BadFieldValue, probe.place("successThreshold"), format!("must be 1 in a {key}"));
            }
            range(&probe, "terminationGracePeriodSeconds", 1, i64::MAX, out);
        }
    }
    if let Some(lifecycle) = container.field("lifecycle") {
        for key in ["postStart", "preStop"] {
            if let Some(hook) = lifecycle.field(key).filter(|hook| hook.value.is_object()) {
                handler(&hook, &["exec", "httpGet", "tcpSocket", "sleep"], spec, out);
            }
        }
    }
}

fn handler(node: &Node, kinds: &[&str], spec: &Node, out: &mut Findings) {
    match kinds.iter().filter(|kind| node.field(kind).is_some()).count() {
        0 => out.error(Code::MissingField, node.pointer(), format!("one of {} is needed", kinds.join(", "))),
        1 => {}
        _ => out.error(Code::BadFieldValue, node.pointer(), format!("only one of {} is allowed", kinds.join(", "))),
    }
    if let Some(exec) = node.field("exec").filter(|exec| exec.value.is_object())
        && exec.field("command").is_none_or(|command| command.value.as_array().is_some_and(Vec::is_empty))
    {
        out.error(Code::MissingField, exec.place("command"), "exec needs a command");
    }
    if let Some(http) = node.field("httpGet") {
        one_of(&http, "scheme", &["HTTP", "HTTPS"], out);
        port(&http, out);
        if let Some(headers) = http.field("httpHeaders") {
            for header in headers.items() {
                let valid = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                if let Some(name) = header.text_of("name").filter(|name| !valid(name)) {
                    out.error(Code::BadName, header.place("name"), format!("{name:?} is not a valid header name"));
                }
            }
        }
    }
    for kind in ["tcpSocket", "grpc"] {
        if let Some(action) = node.field(kind) {
            port(&action, out);
        }
    }
    if let Some(sleep) = node.field("sleep") {
        let grace = spec.number_of("terminationGracePeriodSeconds").unwrap_or(GRACE);
        // The server replaces a grace period below 1, so there is nothing to report.
        if grace > 0 && sleep.number_of("seconds").is_some_and(|seconds| seconds < 0 || seconds > grace) {
            let message = format!("must be from 0 to terminationGracePeriodSeconds, which is {grace}");
            out.error(Code::BadFieldValue, sleep.place("seconds"), message);
        }
    }
}

fn port(action: &Node, out: &mut Findings) {
    match action.value.get("port") {
        Some(Value::Number(_)) => range(action, "port", 1, 65535, out),
        Some(Value::String(name)) if !name.is_empty() && !names::is_port_name(name) => {
            out.error(
                Code::BadFieldValue,
                action.place("port"),
                format!("{name:?} is neither a port's number nor its name"),
            );
        }
        _ => {}
    }
}

//! Containers and init containers: names, images, ports, and what each kind may have.

use super::values::{label_field, one_of, range};
use super::volumes::Volumes;
use super::{Findings, Node, env, mounts, probes, resources, security};
use crate::diagnostic::Code;
use crate::pod::names;
use std::collections::HashSet;

pub(super) fn check<'v>(spec: &Node<'_, 'v>, volumes: &Volumes<'v>, claims: &HashSet<&str>, out: &mut Findings) {
    let mut taken: HashSet<&str> = HashSet::new();
    match spec.field("containers") {
        Some(list) => {
            if list.value.as_array().is_some_and(Vec::is_empty) {
                out.error(Code::MissingField, list.pointer(), "a Pod needs at least one container");
            }
            let mut host_ports = HashSet::new();
            for container in list.items() {
                common(&container, volumes, claims, &mut taken, spec, out);
                ports(&container, spec, &mut host_ports, out);
                host_network_ports(&container, spec, out);
                probes::check(&container, spec, out);
                if container.field("restartPolicy").is_some() {
                    // Refused up to 1.34 with its default features, taken from 1.35 on.
                    let message = "most clusters accept restartPolicy only on init containers";
                    out.warn(Code::BadFieldValue, container.place("restartPolicy"), message);
                }
            }
        }
        None => out.error(Code::MissingField, spec.place("containers"), "a Pod needs at least one container"),
    }
    if let Some(list) = spec.field("initContainers") {
        for container in list.items() {
            common(&container, volumes, claims, &mut taken, spec, out);
            // Init containers run one after the other, so each may use the ports of the one before.
            ports(&container, spec, &mut HashSet::new(), out);
            init(&container, spec, out);
        }
    }
}

fn common<'v>(
    container: &Node<'_, 'v>,
    volumes: &Volumes<'v>,
    claims: &HashSet<&str>,
    taken: &mut HashSet<&'v str>,
    spec: &Node,
    out: &mut Findings,
) {
    label_field(container, "name", out);
    if let Some(name) = container.text_of("name")
        && !taken.insert(name)
    {
        out.error(Code::DuplicateName, container.place("name"), format!("there is already a container {name}"));
    }
    if container.value.is_object() || container.value.is_null() {
        match container.field("image").map(|image| image.value.as_str()) {
            None | Some(Some("")) => {
                out.error(Code::MissingField, container.place("image"), "a container needs an image");
            }
            Some(Some(image)) if image.trim() != image => {
                out.error(
                    Code::BadFieldValue,
                    container.place("image"),
                    format!("the image {image:?} begins or ends with a space"),
                );
            }
            Some(_) => {}
        }
    }
    one_of(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], out);
    one_of(container, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], out);
    env::check(container, out);
    mounts::check(container, volumes, out);
    resources::container(container, claims, out);
    resize(container, spec, out);
    security::container(container, spec, out);
}

fn init(container: &Node, spec: &Node, out: &mut Findings) {
    let sidecar = match container.text_of("restartPolicy") {
        Some("Always") => true,
        // Behind a feature gate in 1.34.
        Some(policy @ ("OnFailure" | "Never")) => {
            let message =
                format!("most clusters accept only Always as the restartPolicy of an init container, not {policy}");
            out.warn(Code::BadFieldValue, container.place("restartPolicy"), message);
            false
        }
        Some(policy) => {
            let message = format!("`{policy}` is not Always, which makes an init container a sidecar");
            out.error(Code::BadFieldValue, container.place("restartPolicy"), message);
            false
        }
        None => false,
    };
    if sidecar {
        return probes::check(container, spec, out);
    }
    for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if container.field(key).is_some() {
            out.error(Code::BadFieldValue, container.place(key), format!("an init container can't have {key}"));
            out.help("with restartPolicy: Always it is a sidecar, which can");
        }
    }
}

fn ports<'v>(
    container: &Node<'_, 'v>,
    spec: &Node,
    host_ports: &mut HashSet<(&'v str, &'v str, i64)>,
    out: &mut Findings,
) {
    let Some(list) = container.field("ports") else { return };
    let host_network = spec.says("hostNetwork");
    let (mut port_names, mut numbers) = (HashSet::new(), HashSet::new());
    for port in list.items() {
        if let Some(name) = port.text_of("name") {
            if !names::is_port_name(name) {
                let message = format!(
                    "{name:?} is not a valid port name: up to 15 of a-z, 0-9 and single -, at least one of them a letter"
                );
                out.error(Code::BadName, port.place("name"), message);
            } else if !port_names.insert(name) {
                out.error(Code::DuplicateName, port.place("name"), format!("there is already a port {name}"));
            }
        }
        range(&port, "containerPort", 1, 65535, out);
        if port.number_of("hostPort") != Some(0) {
            range(&port, "hostPort", 1, 65535, out);
        }
        one_of(&port, "protocol", &["TCP", "UDP", "SCTP"], out);
        let protocol = port.text_of("protocol").unwrap_or("TCP");
        let number = port.number_of("containerPort").unwrap_or(0);
        if number != 0 && !numbers.insert((protocol, number)) {
            out.warn(
                Code::DuplicateName,
                port.place("containerPort"),
                format!("port {number}/{protocol} appears twice"),
            );
        }
        // On the host's network, a port is the host's.
        let host = match port.number_of("hostPort") {
            None | Some(0) if host_network => number,
            Some(host) => host,
            None => 0,
        };
        if host != 0 && !host_ports.insert((protocol, port.text_of("hostIP").unwrap_or_default(), host)) {
            let key = if port.field("hostPort").is_some() { "hostPort" } else { "containerPort" };
            out.error(Code::DuplicateName, port.place(key), format!("the host port {host}/{protocol} is already used"));
        }
    }
}

/// Checks that hostPort equals containerPort on the host's network; the server doesn't check init containers.
fn host_network_ports(container: &Node, spec: &Node, out: &mut Findings) {
    let list = container.field("ports");
    for port in list.iter().flat_map(Node::items).filter(|_| spec.says("hostNetwork")) {
        let host = port.number_of("hostPort").filter(|host| *host != 0);
        if host.is_some() && host != port.number_of("containerPort") {
            let message = "hostPort must be the same as containerPort when hostNetwork is true";
            out.error(Code::BadFieldValue, port.place("hostPort"), message);
        }
    }
}

fn resize(container: &Node, spec: &Node, out: &mut Findings) {
    let Some(list) = container.field("resizePolicy") else { return };
    let mut seen = HashSet::new();
    for policy in list.items() {
        one_of(&policy, "resourceName", &["cpu", "memory"], out);
        one_of(&policy, "restartPolicy", &["NotRequired", "RestartContainer"], out);
        if let Some(name) = policy.text_of("resourceName")
            && !seen.insert(name)
        {
            out.error(
                Code::DuplicateName,
                policy.place("resourceName"),
                format!("there is already a resize policy for {name}"),
            );
        }
        if spec.text_of("restartPolicy") == Some("Never") && policy.text_of("restartPolicy") == Some("RestartContainer")
        {
            let message = "must be NotRequired in a Pod with restartPolicy Never";
            out.error(Code::BadFieldValue, policy.place("restartPolicy"), message);
        }
    }
}

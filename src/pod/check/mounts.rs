//! Volume mounts and devices of a container.

use super::values::{descending, no_backsteps, one_of};
use super::volumes::Volumes;
use super::{Findings, Node};
use crate::diagnostic::{Code, did_you_mean};
use std::collections::HashSet;

pub(super) fn check<'v>(container: &Node<'_, 'v>, volumes: &Volumes<'v>, out: &mut Findings) {
    let devices = container.field("volumeDevices");
    let mounts = container.field("volumeMounts");
    let texts = |list: &Option<Node<'_, 'v>>, key: &str| -> HashSet<&'v str> {
        list.iter().flat_map(Node::items).filter_map(|item| item.text_of(key)).collect()
    };
    let (device_names, device_paths) = (texts(&devices, "name"), texts(&devices, "devicePath"));
    let mut paths = HashSet::new();
    for mount in mounts.iter().flat_map(Node::items) {
        if let Some(name) = mount.text_of("name") {
            exists(&mount, name, volumes, out);
            if device_names.contains(name) {
                out.error(Code::DuplicateName, mount.place("name"), format!("{name} is also in volumeDevices"));
            }
        }
        if let Some(path) = mount.text_of("mountPath") {
            if !paths.insert(path) {
                out.error(
                    Code::DuplicateName,
                    mount.place("mountPath"),
                    format!("something is already mounted at {path}"),
                );
            }
            if device_paths.contains(path) {
                out.error(
                    Code::DuplicateName,
                    mount.place("mountPath"),
                    format!("there is already a device at {path}"),
                );
            }
            // The API server accepts it, but the container runtime doesn't.
            if path.contains(':') {
                out.warn(Code::BadFieldValue, mount.place("mountPath"), format!("{path:?} must not contain ':'"));
            }
        }
        descending(&mount, "subPath", out);
        descending(&mount, "subPathExpr", out);
        if mount.text_of("subPath").is_some() && mount.text_of("subPathExpr").is_some() {
            out.error(
                Code::BadFieldValue,
                mount.place("subPathExpr"),
                "a mount has either subPath or subPathExpr, not both",
            );
        }
        propagation(container, &mount, out);
    }
    for device in devices.iter().flat_map(Node::items) {
        self::device(&device, volumes, out);
    }
    duplicates(&devices, "name", out);
    duplicates(&devices, "devicePath", out);
}

fn exists(mount: &Node, name: &str, volumes: &Volumes, out: &mut Findings) {
    if !volumes.contains_key(name) {
        out.error(Code::DanglingReference, mount.place("name"), format!("the Pod has no volume {name:?}"));
        match did_you_mean(name, volumes.keys().copied()) {
            Some(near) => out.help(format!("did you mean `{near}`?")),
            None => out.help("add it at $.spec.volumes"),
        }
    }
}

fn propagation(container: &Node, mount: &Node, out: &mut Findings) {
    one_of(mount, "mountPropagation", &["None", "HostToContainer", "Bidirectional"], out);
    let propagation = mount.text_of("mountPropagation");
    let privileged = container.field("securityContext").is_some_and(|context| context.says("privileged"));
    if propagation == Some("Bidirectional") && !privileged {
        out.error(
            Code::BadFieldValue,
            mount.place("mountPropagation"),
            "Bidirectional is for privileged containers only",
        );
    }
    one_of(mount, "recursiveReadOnly", &["Disabled", "IfPossible", "Enabled"], out);
    if matches!(mount.text_of("recursiveReadOnly"), Some("IfPossible" | "Enabled")) {
        if !mount.says("readOnly") {
            out.error(Code::BadFieldValue, mount.place("recursiveReadOnly"), "recursiveReadOnly needs readOnly: true");
        }
        if matches!(propagation, Some("HostToContainer" | "Bidirectional")) {
            out.error(
                Code::BadFieldValue,
                mount.place("recursiveReadOnly"),
                "recursiveReadOnly needs mountPropagation None",
            );
        }
    }
}

fn device(device: &Node, volumes: &Volumes, out: &mut Findings) {
    if let Some(name) = device.text_of("name") {
        exists(device, name, volumes, out);
        if volumes.get(name).is_some_and(|source| !matches!(*source, "persistentVolumeClaim" | "ephemeral")) {
            let message =
                format!("the volume {name} is neither a persistentVolumeClaim nor ephemeral, which a device needs");
            out.error(Code::BadFieldValue, device.place("name"), message);
        }
    }
    no_backsteps(device, "devicePath", out);
}

fn duplicates(devices: &Option<Node>, key: &str, out: &mut Findings) {
    let mut seen = HashSet::new();
    for device in devices.iter().flat_map(Node::items) {
        if let Some(text) = device.text_of(key)
            && !seen.insert(text)
        {
            out.error(Code::DuplicateName, device.place(key), format!("{text} appears twice"));
        }
    }
}

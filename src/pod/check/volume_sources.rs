//! Checks the sources of volumes ([Volumes](https://kubernetes.io/docs/concepts/storage/volumes/)). The check against the
//! schema covers required fields.

use super::values::{mode, no_backsteps, one_of, projected_path, range};
use super::{Findings, Node, downward};
use crate::diagnostic::Code;
use crate::pod::names;
use crate::pod::quantity::Quantity;
use std::collections::HashSet;

const HOST_PATHS: &[&str] =
    &["DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];

const ACCESS_MODES: &[&str] = &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

pub(super) fn check(pod: &Node, volume: &Node, kind: &str, source: &Node, out: &mut Findings) {
    match kind {
        "emptyDir" => {
            if let Some(limit) = source.field("sizeLimit") {
                match Quantity::from_value(limit.value) {
                    Ok(size) if size.is_negative() => {
                        out.error(Code::BadQuantity, limit.pointer(), format!("{size} is negative"));
                    }
                    Err(why) if limit.value.is_string() || limit.value.is_number() => {
                        out.error(
                            Code::BadQuantity,
                            limit.pointer(),
                            format!("{} is not a quantity: {why}", limit.value),
                        );
                    }
                    _ => {}
                }
            }
        }
        "hostPath" => {
            no_backsteps(source, "path", out);
            one_of(source, "type", HOST_PATHS, out);
        }
        "secret" => {
            mode(source, "defaultMode", out);
            // The schema doesn't require it, but there is no secret without a name.
            needs(source, "secretName", "a secret volume", out);
            key_paths(source, &mut HashSet::new(), false, out);
        }
        "configMap" => {
            mode(source, "defaultMode", out);
            needs(source, "name", "a configMap volume", out);
            key_paths(source, &mut HashSet::new(), false, out);
        }
        "downwardAPI" => {
            mode(source, "defaultMode", out);
            downward_files(source, &mut HashSet::new(), false, out);
        }
        "projected" => projected(source, out),
        "nfs" => {
            if let Some(path) = source.text_of("path").filter(|path| !path.starts_with('/')) {
                out.error(Code::BadFieldValue, source.place("path"), format!("{path:?} must be an absolute path"));
            }
        }
        "ephemeral" => ephemeral(pod, volume, source, out),
        "awsElasticBlockStore" | "gcePersistentDisk" => range(source, "partition", 0, 255, out),
        "iscsi" => range(source, "lun", 0, 255, out),
        "image" => one_of(source, "pullPolicy", &["Always", "IfNotPresent", "Never"], out),
        _ => {}
    }
}

fn needs(source: &Node, key: &str, what: &str, out: &mut Findings) {
    let absent = source.value.get(key).is_none_or(|name| name.is_null() || name == "");
    if source.value.is_object() && absent {
        out.error(Code::MissingField, source.place(key), format!("{what} needs `{key}`"));
    }
}

/// Checks the items of a secret or configMap; in a projected volume, no two may have the same path.
fn key_paths<'v>(source: &Node<'_, 'v>, paths: &mut HashSet<&'v str>, unique: bool, out: &mut Findings) {
    let items = source.field("items");
    for item in items.iter().flat_map(Node::items) {
        projected_path(&item, "path", out);
        mode(&item, "mode", out);
        taken(&item, paths, unique, out);
    }
}

fn downward_files<'v>(source: &Node<'_, 'v>, paths: &mut HashSet<&'v str>, unique: bool, out: &mut Findings) {
    let items = source.field("items");
    for item in items.iter().flat_map(Node::items).filter(|item| item.value.is_object()) {
        projected_path(&item, "path", out);
        mode(&item, "mode", out);
        taken(&item, paths, unique, out);
        match (item.field("fieldRef"), item.field("resourceFieldRef")) {
            (Some(field), None) => downward::field(&field, downward::Use::Volume, out),
            (None, Some(resource)) => {
                if resource.text_of("containerName").is_none() && resource.value.is_object() {
                    out.error(
                        Code::MissingField,
                        resource.place("containerName"),
                        "in a volume, resourceFieldRef needs `containerName`",
                    );
                }
                downward::resource(&resource, out);
            }
            _ => out.error(
                Code::BadFieldValue,
                item.pointer(),
                "a downwardAPI file needs either fieldRef or resourceFieldRef",
            ),
        }
    }
}

fn taken<'v>(item: &Node<'_, 'v>, paths: &mut HashSet<&'v str>, unique: bool, out: &mut Findings) {
    if let Some(path) = item.text_of("path")
        && !paths.insert(path)
        && unique
    {
        out.error(Code::DuplicateName, item.place("path"), format!("the volume already has a file {path}"));
    }
}

fn projected(source: &Node, out: &mut Findings) {
    mode(source, "defaultMode", out);
    let mut paths = HashSet::new();
    let sources = source.field("sources");
    for source in sources.iter().flat_map(Node::items) {
        let kinds = ["secret", "configMap", "downwardAPI", "serviceAccountToken"];
        if kinds.iter().filter(|kind| source.field(kind).is_some()).count() > 1 {
            out.error(Code::BadFieldValue, source.pointer(), format!("only one of {} is allowed", kinds.join(", ")));
        }
        for kind in ["secret", "configMap"] {
            if let Some(keys) = source.field(kind) {
                needs(&keys, "name", "it", out);
                key_paths(&keys, &mut paths, true, out);
            }
        }
        if let Some(files) = source.field("downwardAPI") {
            downward_files(&files, &mut paths, true, out);
        }
        if let Some(token) = source.field("serviceAccountToken") {
            projected_path(&token, "path", out);
            range(&token, "expirationSeconds", 600, 1 << 32, out);
        }
    }
}

fn ephemeral(pod: &Node, volume: &Node, source: &Node, out: &mut Findings) {
    if let (Some(volume_name), Some(metadata)) = (volume.text_of("name"), pod.field("metadata"))
        && let Some(pod_name) = metadata.text_of("name")
        && let claim = format!("{pod_name}-{volume_name}")
        && claim.len() > 253
    {
        out.error(Code::BadName, volume.place("name"), format!("its claim's name {claim:?} is too long"));
    }
    let Some(template) = source.field("volumeClaimTemplate") else { return };
    let Some(spec) = template.field("spec") else { return };
    let list = spec.field("accessModes");
    let mut count = 0;
    let mut alone = false;
    for mode in list.iter().flat_map(Node::items) {
        count += 1;
        let Some(text) = mode.text() else { continue };
        alone |= text == "ReadWriteOncePod";
        if !ACCESS_MODES.contains(&text) {
            out.error(
                Code::BadFieldValue,
                mode.pointer(),
                format!("`{text}` is not one of {}", ACCESS_MODES.join(", ")),
            );
        }
    }
    if count == 0 {
        out.error(Code::MissingField, spec.place("accessModes"), "a volume claim needs an access mode");
    } else if alone && count > 1 {
        out.error(
            Code::BadFieldValue,
            spec.place("accessModes"),
            "ReadWriteOncePod can't be combined with other access modes",
        );
    }
    let storage = spec.value.pointer("/resources/requests/storage");
    let at = || spec.place("resources").child("requests").child("storage");
    match storage.map(Quantity::from_value) {
        None => out.error(Code::MissingField, at(), "a volume claim needs a size"),
        Some(Ok(size)) if size <= Quantity::ZERO => {
            out.error(Code::BadQuantity, at(), format!("{size} must be greater than zero"));
        }
        Some(Err(why)) if storage.is_some_and(|s| s.is_string() || s.is_number()) => {
            out.error(Code::BadQuantity, at(), why.to_string());
        }
        _ => {}
    }
    if let Some(class) = spec.text_of("storageClassName").filter(|class| !names::is_dns1123_subdomain(class)) {
        out.error(
            Code::BadName,
            spec.place("storageClassName"),
            format!("{class:?} is not a valid storage class name"),
        );
    }
}

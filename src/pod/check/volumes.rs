//! Checks the Pod's volumes: their names, and one source for each.

use super::values::label_field;
use super::{Findings, Node, volume_sources};
use crate::diagnostic::Code;
use crate::pod::schema;
use std::collections::HashMap;

/// The Pod's volumes by name, with the kind of their source.
pub(super) type Volumes<'v> = HashMap<&'v str, &'v str>;

/// Checks the volumes and returns those that a container may mount.
pub(super) fn check<'v>(pod: &Node<'_, 'v>, spec: &Node<'_, 'v>, out: &mut Findings) -> Volumes<'v> {
    let mut volumes = Volumes::new();
    let Some(list) = spec.field("volumes") else { return volumes };
    for volume in list.items() {
        label_field(&volume, "name", out);
        let sources = sources(&volume);
        if let Some((_, second)) = sources.get(1) {
            let kinds: Vec<&str> = sources.iter().map(|(kind, _)| *kind).collect();
            let message = format!("a volume can have only one source, and this one has {}", kinds.join(" and "));
            out.error(Code::BadFieldValue, second.pointer(), message);
        }
        for (kind, source) in &sources {
            volume_sources::check(pod, &volume, kind, source, out);
        }
        if let Some(name) = volume.text_of("name") {
            // Without a source it is an emptyDir.
            let kind = sources.first().map_or("emptyDir", |(kind, _)| *kind);
            if volumes.insert(name, kind).is_some() {
                out.error(Code::DuplicateName, volume.place("name"), format!("there is already a volume {name}"));
            }
        }
    }
    volumes
}

/// The sources of a volume: all fields except its name.
fn sources<'s, 'v>(volume: &'s Node<'_, 'v>) -> Vec<(&'v str, Node<'s, 'v>)> {
    let known = schema::by_name("Volume");
    volume
        .entries()
        .filter(|(key, value)| {
            *key != "name" && !value.value.is_null() && known.is_some_and(|known| known.field(key).is_some())
        })
        .collect()
}

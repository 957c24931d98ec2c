//! How the lists of a Pod merge in a strategic merge patch.
//!
//! The table is the `patchStrategy` and `patchMergeKey` of the
//! [Kubernetes API reference](https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#pod-v1-core).

use super::schema::Type;

/// How the list of a patch merges with the existing list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMerge {
    /// The patch's list replaces the other.
    Replace,
    /// Objects with the same value of this field are merged; the others are added.
    ByKey(&'static str),
    /// Scalars that aren't in the list yet are added.
    Union,
}

/// How a list field of a type merges.
pub fn list_merge(parent: &Type, field: &str) -> ListMerge {
    let key = match (parent.name, field) {
        ("PodSpec", "containers" | "initContainers" | "ephemeralContainers") => "name",
        ("PodSpec", "volumes" | "imagePullSecrets" | "resourceClaims" | "schedulingGates") => "name",
        ("PodSpec", "hostAliases") => "ip",
        ("PodSpec", "topologySpreadConstraints") => "topologyKey",
        ("Container" | "EphemeralContainer", "env") => "name",
        ("Container" | "EphemeralContainer", "ports") => "containerPort",
        ("Container" | "EphemeralContainer", "volumeMounts") => "mountPath",
        ("Container" | "EphemeralContainer", "volumeDevices") => "devicePath",
        ("ObjectMeta", "ownerReferences") => "uid",
        ("ObjectMeta", "finalizers") => return ListMerge::Union,
        ("PodStatus", "conditions") => "type",
        ("PodStatus", "hostIPs" | "podIPs") => "ip",
        _ => return ListMerge::Replace,
    };
    ListMerge::ByKey(key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::pod::schema::{Shape, by_name};

    #[test]
    fn every_key_is_a_field_of_its_lists_elements() {
        let mut found = 0;
        for parent in
            ["PodSpec", "Container", "EphemeralContainer", "ObjectMeta", "PodStatus"].map(|n| by_name(n).unwrap())
        {
            for field in &parent.fields {
                if let ListMerge::ByKey(key) = list_merge(parent, field.name) {
                    let Shape::List(inner) = &field.shape else { panic!("{} isn't a list", field.name) };
                    assert!(inner.object().unwrap().field(key).is_some(), "{}.{}", parent.name, field.name);
                    found += 1;
                }
            }
        }
        assert_eq!(found, 9 + 8 + 1 + 3);
    }
}

//! The names that may stand in `basePodTemplate`: the chart's own keys, and the fields of a Pod.

/// What a key of the chart takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A mapping.
    Map,
    /// A list of mappings.
    List,
    /// Text.
    Text,
}

/// The keys of `basePodTemplate` that the chart documents, and what each takes.
pub const CHART: &[(&str, Takes)] = &[
    ("labels", Takes::Map),
    ("annotations", Takes::Map),
    ("initContainers", Takes::List),
    ("schedulerName", Takes::Text),
    ("volumes", Takes::List),
    ("volumeMounts", Takes::List),
    ("fileMounts", Takes::List),
    ("env", Takes::List),
    ("resources", Takes::Map),
    ("priorityClassName", Takes::Text),
    ("nodeSelector", Takes::Map),
    ("tolerations", Takes::List),
    ("affinity", Takes::Map),
    ("podSecurityContext", Takes::Map),
    ("containerSecurityContext", Takes::Map),
    ("hostAliases", Takes::List),
];

/// The fields of a Pod's spec.
pub const POD_SPEC: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "ephemeralContainers",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "hostname",
    "hostnameOverride",
    "imagePullSecrets",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];

/// The fields of a container.
pub const CONTAINER: &[&str] = &[
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resizePolicy",
    "resources",
    "restartPolicy",
    "restartPolicyRules",
    "securityContext",
    "startupProbe",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];

/// Whether the chart documents this key.
pub fn is_chart_key(key: &str) -> bool {
    CHART.iter().any(|(name, _)| *name == key)
}

/// Every name that may stand there.
pub fn all() -> impl Iterator<Item = &'static str> {
    CHART.iter().map(|(name, _)| *name).chain(POD_SPEC.iter().copied()).chain(CONTAINER.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties<T: schemars::JsonSchema>() -> Vec<String> {
        let schema = schemars::schema_for!(T);
        let mut names: Vec<String> =
            schema.as_value()["properties"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        names.sort();
        names
    }

    #[test]
    fn the_lists_are_those_of_kubernetes() {
        assert_eq!(properties::<k8s_openapi::api::core::v1::PodSpec>(), POD_SPEC);
        assert_eq!(properties::<k8s_openapi::api::core::v1::Container>(), CONTAINER);
    }
}

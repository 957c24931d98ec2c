//! The keys that have a meaning in `basePodTemplate`: the chart's own, and the fields of a Pod's spec and of a container.

use crate::pod::schema;

/// The type of value that a key of the chart takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A mapping.
    Map,
    /// A list of mappings.
    List,
    /// A string.
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

/// Whether a Pod's spec has a field of this name.
pub fn is_pod_spec(name: &str) -> bool {
    schema::by_name("PodSpec").is_some_and(|known| known.field(name).is_some())
}

/// Whether a container has a field of this name.
pub fn is_container(name: &str) -> bool {
    schema::by_name("Container").is_some_and(|known| known.field(name).is_some())
}

/// Whether the chart documents this key.
pub fn is_chart_key(key: &str) -> bool {
    CHART.iter().any(|(name, _)| *name == key)
}

/// Every key that has a meaning in `basePodTemplate`.
pub fn all() -> impl Iterator<Item = &'static str> {
    CHART.iter().map(|(name, _)| *name).chain(fields_of("PodSpec")).chain(fields_of("Container"))
}

fn fields_of(name: &str) -> impl Iterator<Item = &'static str> + use<> {
    schema::by_name(name).into_iter().flat_map(|known| &known.fields).map(|field| field.name)
}

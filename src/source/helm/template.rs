//! Makes the Pod template of a queue from Helm values: what the chart's ConfigMap does, and what it leaves out.

use super::Values;
use super::fields;
use super::merge::overlay;
use crate::diagnostic::Span;
use crate::source::{Kind, Node, Style, Text};
use serde_json::Value;

/// Lists in which a user's elements are appended to the chart's: replacing them would remove what the agent needs.
const APPENDED: &[&str] = &["env", "volumeMounts", "ports", "imagePullSecrets"];

/// A value and the place of its key, which is the line that a trace shows.
type Found = Option<(Span, Node)>;

/// Makes the template of a queue from its `basePodTemplate` with the overrides merged in.
pub fn build(values: &Values, base: &Node) -> Node {
    let filler = Filler { values, base };
    let mut pod = filler.fill(&values.defaults.template);
    if let Some(spec) = child(&mut pod, "spec") {
        extend_spec(spec, base);
    }
    pod
}

struct Filler<'a> {
    values: &'a Values,
    base: &'a Node,
}

impl Filler<'_> {
    /// Fills the values into the chart's template, and removes the places without a value.
    fn fill(&self, node: &Node) -> Node {
        let kind = match &node.kind {
            Kind::Map(entries) => Kind::Map(entries.iter().filter_map(|(k, v)| self.entry(k, v)).collect()),
            Kind::List(items) => Kind::List(items.iter().map(|item| self.fill(item)).collect()),
            other => other.clone(),
        };
        Node { span: node.span, kind }
    }

    fn entry(&self, key: &Text, value: &Node) -> Option<(Text, Node)> {
        if key.value == "imagePullSecrets" && !self.values.is_set(&["imageCredentials", "enabled"]) {
            return None;
        }
        let Some(place) = value.as_str().filter(|text| text.starts_with('<')) else {
            return Some((key.clone(), self.fill(value)));
        };
        let (span, found) = self.lookup(place, key.span, value.span)?;
        Some((Text { span, value: key.value.clone(), style: Style::Made }, found))
    }

    /// The value for a place of the chart's template.
    fn lookup(&self, place: &str, key: Span, here: Span) -> Found {
        let named = |keys: &[&str], suffix: &str| {
            self.given(keys).or_else(|| {
                let name = format!("{}{suffix}", self.values.fullname());
                Some((key, Node::made(&Value::String(name), here)))
            })
        };
        match place {
            "<fullname>-sa" => named(&["agentk8sglue", "serviceExistingAccountName"], "-sa"),
            "<fullname>-ac" => named(&["clearml", "existingAgentk8sglueSecret"], "-ac"),
            "<fullname>-ark" => named(&["imageCredentials", "existingSecret"], "-ark"),
            "<release namespace>" => {
                let namespace = self.values.namespace()?;
                Some((key, Node::made(&Value::String(namespace.to_owned()), here)))
            }
            _ => {
                let name = place.trim_start_matches('<').trim_end_matches('>');
                match name.strip_prefix("agentk8sglue.") {
                    Some(key) => self.given(&["agentk8sglue", key]),
                    None => self.base.entry(name).filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.span, v.clone())),
                }
            }
        }
    }

    /// One of the values, unless it is empty.
    fn given(&self, keys: &[&str]) -> Found {
        let (last, parents) = keys.split_last()?;
        let (key, value) = self.values.values.get_path(parents)?.entry(last)?;
        (!value.is_empty()).then(|| (key.span, value.clone()))
    }
}

/// Adds what the chart drops: every other field of a Pod's spec or a container in `basePodTemplate`.
fn extend_spec(spec: &mut Node, base: &Node) {
    if let Some((key, env)) = base.entry("env").filter(|(_, env)| !env.is_empty())
        && let Some(first) = task_container(spec)
    {
        put(first, key.clone(), env.clone());
    }
    for (key, value) in base.entries() {
        let name = key.value.as_str();
        let mapped = fields::is_chart_key(name) && !matches!(name, "schedulerName" | "hostAliases");
        if mapped || name == "containers" || value.is_empty() {
            continue;
        }
        if fields::is_pod_spec(name) {
            put(spec, key.clone(), value.clone());
        } else if fields::is_container(name)
            && let Some(first) = task_container(spec)
        {
            put(first, key.clone(), value.clone());
        }
    }
    add_containers(spec, base.get("containers").map(Node::items).unwrap_or_default());
}

/// Adds `containers` of `basePodTemplate`: the first is merged into the task's container, the others are added after it.
fn add_containers(spec: &mut Node, given: &[Node]) {
    let Some((first, others)) = given.split_first() else { return };
    if let Some(container) = task_container(spec) {
        for (key, value) in first.entries().iter().filter(|(_, value)| !value.is_empty()) {
            put(container, key.clone(), value.clone());
        }
    }
    if let Some(Node { kind: Kind::List(containers), .. }) = child(spec, "containers") {
        containers.extend(others.iter().cloned());
    }
}

/// Merges a value into the existing one: mappings merge, the lists of [`APPENDED`] grow, all else is replaced.
fn put(map: &mut Node, key: Text, value: Node) {
    let Kind::Map(entries) = &mut map.kind else { return };
    let Some((had_key, had)) = entries.iter_mut().find(|(k, _)| k.value == key.value) else {
        entries.push((key, value));
        return;
    };
    match (&mut had.kind, value.kind) {
        (Kind::List(items), Kind::List(more)) if APPENDED.contains(&key.value.as_str()) => items.extend(more),
        (_, kind) => {
            let value = Node { span: value.span, kind };
            let span = had.span;
            let below = std::mem::replace(had, Node { span, kind: Kind::Null });
            *had = overlay(below, value);
            *had_key = key;
        }
    }
}

fn task_container(spec: &mut Node) -> Option<&mut Node> {
    match &mut child(spec, "containers")?.kind {
        Kind::List(items) => items.first_mut(),
        _ => None,
    }
}

fn child<'n>(map: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut map.kind {
        Kind::Map(entries) => entries.iter_mut().find(|(k, _)| k.value == key).map(|(_, value)| value),
        _ => None,
    }
}

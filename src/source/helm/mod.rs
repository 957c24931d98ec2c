//! Reads Helm values for queues, Pod templates, rules and the agent's environment, as ClearML's chart does.
//!
//! ```text
//! values files ─ merge ─ check ─ on the chart's defaults ─ Values ─ template(queue) → base Pod template
//! ```

mod check;
mod defaults;
#[cfg(test)]
mod document_tests;
mod environment;
mod fields;
mod merge;
mod settings;
mod template;
#[cfg(test)]
mod tests;

pub use environment::FileMount;
pub use merge::{merge, overlay};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::source::{Kind, Node, yaml};
use defaults::Defaults;
use std::collections::HashSet;

/// What an admin gave the agent's chart.
#[derive(Debug, Clone)]
pub struct Values {
    values: Node,
    defaults: Defaults,
    queues: Vec<QueueName>,
    release: String,
    namespace: Option<String>,
}

/// A queue in the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueName {
    /// Its name.
    pub name: String,
    /// The place that names it first.
    pub span: Span,
}

impl Values {
    /// Reads values files in the order of Helm's `-f`. Every mistake goes to `found`. Returns `None` only if a file isn't a
    /// YAML mapping, so that all other mistakes can be reported together.
    ///
    /// Adds a text named `<chart defaults>` to the sources, for the places of values that are in no file.
    pub fn read(sources: &mut Sources, files: &[FileId], found: &mut Diagnostics) -> Option<Values> {
        let defaults = Defaults::read(sources);
        let read: Vec<Option<Node>> = files.iter().map(|file| read_file(sources, *file, found)).collect();
        let read: Vec<Node> = read.into_iter().collect::<Option<_>>()?;
        let mut given = merge(read);
        // A bare `agentk8sglue:` would remove all defaults of the chart and make Helm fail, which nobody intends.
        if let Kind::Map(sections) = &mut given.kind {
            sections.retain(|(_, section)| !section.is_null());
        }
        check::check(&given, found);
        let queues = queue_names(&given, sources, &defaults);
        let values = overlay(defaults.values.clone(), given);
        let values = Values { values, defaults, queues, release: defaults::RELEASE.to_owned(), namespace: None };
        values.check_settings(found);
        Some(values)
    }

    /// Sets the name and the namespace of the chart's release; the names of its objects depend on the name. By default, the
    /// name is `clearml-agent`, and the template has no namespace.
    pub fn with_release(mut self, name: Option<&str>, namespace: Option<&str>) -> Self {
        if let Some(name) = name {
            self.release = name.to_owned();
        }
        if let Some(namespace) = namespace {
            self.namespace = Some(namespace.to_owned());
        }
        self
    }

    /// All values, merged over the chart's defaults.
    pub fn values(&self) -> &Node {
        &self.values
    }

    /// The queues that the agent serves: `agentk8sglue.queue` (one, or several separated by commas), then the keys of
    /// `agentk8sglue.queues`; `default` if neither names one.
    pub fn queues(&self) -> &[QueueName] {
        &self.queues
    }

    /// The Pod template of a queue: `basePodTemplate` with the queue's `templateOverrides` merged into it (mappings merge,
    /// lists are replaced, a null removes a key), each key at the place where the chart puts it.
    ///
    /// Unlike the chart's, it has `kind`, and the fields that the chart drops: `schedulerName`, `hostAliases` and every
    /// other field of a Pod's spec go into the spec, other fields of a container into the task's container. A name that
    /// both have belongs to the spec, unless the chart maps it. The first element of `containers` is merged into the task's
    /// container, and the others are added. Elements of `imagePullSecrets` and `ports`, and the first container's `env` and
    /// `volumeMounts`, are appended to the chart's.
    pub fn template(&self, queue_name: &str) -> Node {
        let file = self.values.span.file;
        let base = self.values.get_path(&["agentk8sglue", "basePodTemplate"]).cloned();
        let base = base.unwrap_or_else(|| Node::empty_map(file));
        let overrides = self.queue(queue_name).and_then(|queue| queue.get("templateOverrides"));
        let base = match overrides.filter(|node| matches!(node.kind, Kind::Map(_))) {
            Some(overrides) => overlay(base, overrides.clone()),
            None => base,
        };
        template::build(self, &base)
    }

    /// The entry of a queue in `agentk8sglue.queues`. ClearML ignores case in queue names, so an entry that differs only in
    /// case is used if there is no exact one.
    fn queue(&self, name: &str) -> Option<&Node> {
        let queues = self.values.get_path(&["agentk8sglue", "queues"])?;
        queues.get(name).or_else(|| {
            let same = |other: &str| other.to_lowercase() == name.to_lowercase();
            queues.entries().iter().find(|(key, _)| same(&key.value)).map(|(_, queue)| queue)
        })
    }

    /// `agentk8sglue.rules`: the rules of every queue.
    pub fn rules(&self) -> Option<&Node> {
        self.values.get_path(&["agentk8sglue", "rules"]).filter(|rules| !rules.is_null())
    }

    /// `agentk8sglue.queues.<queue>.rules`: the rules of one queue, for each queue that has rules.
    pub fn queue_rules(&self) -> Vec<(QueueName, &Node)> {
        let queues = self.values.get_path(&["agentk8sglue", "queues"]).map(Node::entries).unwrap_or_default();
        let with_rules = queues.iter().filter_map(|(key, queue)| {
            let rules = queue.get("rules").filter(|rules| !rules.is_null())?;
            Some((QueueName { name: key.value.clone(), span: key.span }, rules))
        });
        with_rules.collect()
    }

    /// The namespace of the release, if it was set.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The chart's name for the release: `fullnameOverride`, or the release's name followed by `nameOverride` or
    /// `clearml-agent`, unless it already contains that; 63 bytes at most.
    pub fn fullname(&self) -> String {
        let text = |key: &str| self.values.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        let full = match text("fullnameOverride") {
            Some(name) => name.to_owned(),
            None => match text("nameOverride").unwrap_or(defaults::CHART) {
                name if self.release.contains(name) => self.release.clone(),
                name => format!("{}-{name}", self.release),
            },
        };
        let cut = full.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 63).last().unwrap_or(0);
        let full = &full[..cut];
        full.strip_suffix('-').unwrap_or(full).to_owned()
    }

    /// Whether a Helm template takes a value for true: anything but false, zero, null and empty values.
    fn is_set(&self, keys: &[&str]) -> bool {
        self.values.get_path(keys).is_some_and(|node| match &node.kind {
            Kind::Bool(set) => *set,
            Kind::Number(number) => number.as_f64() != Some(0.0),
            _ => !node.is_empty(),
        })
    }
}

/// Reads a values file, which must be one YAML mapping or empty.
fn read_file(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Node> {
    let mut said = Diagnostics::new();
    let mut documents = yaml::read(sources, file, &mut said).into_iter();
    let failed = said.has_errors();
    let first = documents.next();
    let rules = first.as_ref().map(rules_spans).unwrap_or_default();
    // Helm's reading of `yes` is right for its values, but may surprise in rules.
    let kept =
        |d: &Diagnostic| d.code != Code::AmbiguousScalar || d.primary.as_ref().is_some_and(|l| within(l.span, &rules));
    found.extend(said.into_vec().into_iter().filter(kept));
    if let Some(second) = documents.next() {
        let message = format!("{} contains more than one YAML document; Helm reads only one", sources.name(file));
        found.push(Diagnostic::new(Code::Values, message).at(second.span).help("split it into several files"));
        return None;
    }
    match first {
        None if failed => None,
        None => Some(Node::empty_map(file)),
        Some(node) if matches!(node.kind, Kind::Map(_)) => Some(node),
        Some(node) => {
            let message = format!("Helm values must be a mapping, not {}", node.kind_name());
            found.push(Diagnostic::new(Code::WrongType, message).at(node.span));
            None
        }
    }
}

fn within(span: Span, of: &[Span]) -> bool {
    of.iter().any(|outer| outer.file == span.file && outer.start <= span.start && span.end <= outer.end)
}

/// The places of the lists of rules in a values file.
fn rules_spans(values: &Node) -> Vec<Span> {
    let Some(agent) = values.get("agentk8sglue") else { return Vec::new() };
    let queues = agent.get("queues").map(Node::entries).unwrap_or_default();
    let of_queues = queues.iter().filter_map(|(_, queue)| queue.get("rules"));
    agent.get("rules").into_iter().chain(of_queues).map(|rules| rules.span).collect()
}

/// The queues in the values, each once, in order.
fn queue_names(given: &Node, sources: &Sources, defaults: &Defaults) -> Vec<QueueName> {
    let mut names: Vec<QueueName> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |name: &str, span: Span| {
        if !name.is_empty() && seen.insert(name.to_owned()) {
            names.push(QueueName { name: name.to_owned(), span });
        }
    };
    match given.get_path(&["agentk8sglue", "queue"]).map(|node| (&node.kind, node.span)) {
        Some((Kind::String(text), _)) => {
            let mut from = 0;
            for part in text.value.split(',') {
                let name = part.trim();
                let start = from + part.len() - part.trim_start().len();
                add(name, text.locate_range(sources, start, start + name.len()));
                from += part.len() + 1;
            }
        }
        Some((Kind::Number(number), span)) => add(&number.to_string(), span),
        _ => {}
    }
    for (key, _) in given.get_path(&["agentk8sglue", "queues"]).map(Node::entries).unwrap_or_default() {
        add(&key.value, key.span);
    }
    if names.is_empty() {
        names.push(QueueName { name: "default".to_owned(), span: defaults.queue });
    }
    names
}

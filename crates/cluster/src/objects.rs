//! Manifests → the objects of a launch, with labels and namespaces, their names checked.

use super::finding::{Finding, Subject};
use super::labels::{AGENT_LABEL, LIFETIME_LABEL, RULE_LABEL, TASK_LABEL};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Resource};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use podrules::lifetime::Lifetime;
use podrules::pod::names::{self, label_value};
use serde_json::{Map, Value, json};

/// A companion, as a run returns it.
#[derive(Debug, Clone)]
pub struct CompanionSpec {
    /// The manifest that the rule declares.
    pub manifest: Value,
    /// How long the object lives.
    pub lifetime: Lifetime,
    /// The name of the rule that declares it.
    pub rule: String,
}

/// An object of a launch.
#[derive(Debug, Clone)]
pub struct Object {
    /// Whether it is the Pod or a companion.
    pub subject: Subject,
    /// The manifest that is sent.
    pub value: Value,
    /// A companion's lifetime; `None` for the Pod.
    pub lifetime: Option<Lifetime>,
    /// `metadata.namespace` of the manifest.
    pub namespace: String,
    /// `metadata.name` of the manifest.
    pub name: String,
    pub(super) resource: ApiResource,
}

impl Object {
    /// The object as kubectl names it, such as `persistentvolumeclaim/scratch`.
    pub fn id(&self) -> String {
        let kind = self.resource.kind.to_lowercase();
        match self.resource.group.as_str() {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }

    /// The path of its kind in the API; right for a companion once [`Kinds::prepare`](super::Kinds::prepare) has looked it up.
    pub fn url(&self) -> String {
        DynamicObject::url_path(&self.resource, Some(&self.namespace))
    }

    /// The finding that an object of its name exists and isn't the task's.
    pub(super) fn not_ours(&self, live: &Value) -> Finding {
        let whose = match label(live, TASK_LABEL) {
            Some(task) => format!("belongs to the task {task}"),
            None => "was not created by podrules".to_owned(),
        };
        let message = format!("{} already exists and {whose}", self.id());
        let help = match self.subject {
            Subject::Pod => "delete it if it isn't needed: two objects of a kind can't have the same name",
            Subject::Companion(_) => {
                "give the companion a name that is the task's own, such as \"${pod_name}\", or delete the existing object"
            }
        };
        Finding::new(self.subject, Diagnostic::new(Code::NotOurs, message).help(help))
    }

    /// The task's id, in the form of its label; empty without the label.
    pub fn task(&self) -> &str {
        label(&self.value, TASK_LABEL).unwrap_or("")
    }
}

/// The value of an object's label.
pub(super) fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// Whether an object has the task's label.
pub(super) fn is_of_task(object: &Value, task: &str) -> bool {
    !task.is_empty() && label(object, TASK_LABEL) == Some(task)
}

pub(super) fn uid_of(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or("")
}

pub(super) fn is_being_deleted(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

/// The owner reference to a Pod or a Job: `sent` is its manifest, `live` the object in the cluster.
pub(super) fn owner_reference(sent: &Value, live: &Value) -> Value {
    json!({
        "apiVersion": sent["apiVersion"], "kind": sent["kind"], "name": live["metadata"]["name"],
        "uid": live["metadata"]["uid"],
    })
}

/// The objects of a launch with their labels, in the order in which they are created; the Pod is the last. A Pod without a
/// namespace gets `namespace`, a companion without one gets the Pod's.
///
/// # Errors
/// A finding for each object whose names are invalid, that is declared twice, or that the Pod can't own.
pub fn launch_objects(
    companions: Vec<CompanionSpec>,
    pod: Value,
    task: &str,
    namespace: &str,
) -> Result<Vec<Object>, Vec<Finding>> {
    let mut pod = without_nulls(pod);
    // A rule may have removed the label, by which the Pod is found again.
    if let Err(field) = complete(&mut pod, namespace, &[(TASK_LABEL, label_value(task))]) {
        return Err(vec![not_an_object(Subject::Pod, field)]);
    }
    let pod = object(Subject::Pod, pod, None);
    let mut objects: Vec<Object> = Vec::with_capacity(companions.len() + 1);
    let mut found: Vec<Finding> = check_names(&pod).into_iter().collect();
    for (number, mut spec) in companions.into_iter().enumerate() {
        let subject = Subject::Companion(number);
        let agent = label(&pod.value, AGENT_LABEL).map(|agent| (AGENT_LABEL, agent.to_owned()));
        let labels = [
            (TASK_LABEL, label_value(task)),
            (RULE_LABEL, label_value(&spec.rule)),
            (LIFETIME_LABEL, spec.lifetime.word().to_owned()),
        ];
        let labels: Vec<(&str, String)> = labels.into_iter().chain(agent).collect();
        if let Err(field) = complete(&mut spec.manifest, &pod.namespace, &labels) {
            found.push(not_an_object(subject, field));
            continue;
        }
        let companion = object(subject, spec.manifest, Some(spec.lifetime));
        found.extend(check_names(&companion));
        found.extend(check_owner(&companion, &pod));
        let same = |other: &Object| other.id() == companion.id() && other.namespace == companion.namespace;
        if objects.iter().any(same) || same(&pod) {
            let message = format!("{} is declared twice", companion.id());
            let duplicate = Diagnostic::new(Code::DuplicateName, message).help("give one of them another name");
            found.push(Finding::new(subject, duplicate));
        }
        objects.push(companion);
    }
    objects.push(pod);
    if found.is_empty() { Ok(objects) } else { Err(found) }
}

fn object(subject: Subject, value: Value, lifetime: Option<Lifetime>) -> Object {
    let text = |at: &[&str]| {
        at.iter().try_fold(&value, |here, key| here.get(key)).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let (version, kind) = (text(&["apiVersion"]), text(&["kind"]));
    let (group, short) = version.split_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, short, &kind));
    let (namespace, name) = (text(&["metadata", "namespace"]), text(&["metadata", "name"]));
    Object { subject, namespace, name, lifetime, resource, value }
}

fn not_an_object(subject: Subject, field: &str) -> Finding {
    Finding::new(subject, Diagnostic::new(Code::WrongType, format!("{field} must be an object")))
}

/// An owner must be in the namespace of what it owns.
fn check_owner(companion: &Object, pod: &Object) -> Option<Finding> {
    if companion.lifetime != Some(Lifetime::Pod) || companion.namespace == pod.namespace {
        return None;
    }
    let message = format!(
        "{} is in the namespace {}, but its owner, the Pod, is in {}: they must be in the same namespace",
        companion.id(),
        companion.namespace,
        pod.namespace
    );
    let help = "write `lifetime: task` or `keep`, or leave the namespace out";
    Some(Finding::new(companion.subject, Diagnostic::new(Code::ApiRefused, message).help(help)))
}

/// Names become part of a request's path and may contain what a task's author wrote, so they must not change the path.
fn check_names(object: &Object) -> Option<Finding> {
    let metadata = Pointer::root().child("metadata");
    let (at, wrong) = if !is_segment(&object.name) {
        (metadata.child("name"), &object.name)
    } else if !names::is_dns1123_label(&object.namespace) {
        (metadata.child("namespace"), &object.namespace)
    } else if !object.resource.api_version.split('/').all(is_segment)
        || object.resource.api_version.matches('/').count() > 1
    {
        (Pointer::root().child("apiVersion"), &object.resource.api_version)
    } else if object.resource.kind.is_empty() {
        (Pointer::root().child("kind"), &object.resource.kind)
    } else {
        return None;
    };
    let message = format!("{at}: `{}` is not valid for an object to create", wrong.escape_debug());
    let diagnostic =
        Diagnostic::new(Code::BadName, message).help("in expressions, `dns(…)` makes a valid name from any text");
    Some(Finding::new(object.subject, diagnostic).at(at))
}

/// Whether a text can be one segment of a path.
fn is_segment(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    (1..=253).contains(&text.len()) && text.bytes().all(fine) && !text.bytes().all(|byte| byte == b'.')
}

/// Sets a missing namespace, and the labels. An error is the field that isn't an object.
fn complete(manifest: &mut Value, namespace: &str, labels: &[(&str, String)]) -> Result<(), &'static str> {
    let metadata = object_at(manifest, "metadata").ok_or("`metadata`")?;
    let own = metadata.entry("namespace").or_insert(Value::Null);
    if own.as_str().is_none_or(str::is_empty) {
        *own = namespace.into();
    }
    let written = match metadata.entry("labels").or_insert(Value::Null) {
        Value::Object(map) => map,
        empty @ Value::Null => {
            *empty = json!({});
            empty.as_object_mut().ok_or("`metadata.labels`")?
        }
        _ => return Err("`metadata.labels`"),
    };
    written.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))));
    Ok(())
}

fn object_at<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Map<String, Value>> {
    value.as_object_mut()?.get_mut(key)?.as_object_mut()
}

/// Removes keys whose value is null: they mean nothing in a Pod, but once applied podrules would own the fields.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(key, v)| (key, without_nulls(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{CompanionSpec, launch_objects};
    use crate::labels::TASK_LABEL;
    use podrules::lifetime::Lifetime;
    use serde_json::{Value, json};

    fn refused(manifest: Value) -> String {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}});
        let spec = CompanionSpec { manifest, lifetime: Lifetime::Pod, rule: "r".into() };
        match launch_objects(vec![spec], pod, "t", "n") {
            Ok(_) => String::new(),
            Err(found) => found.iter().map(|f| f.diagnostic.message.as_str()).collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn names_that_change_the_path_are_refused() {
        for name in ["../../../kube-system/secrets/x", "a/b", "a?force=true", "a#b", "a%2fb", "..", ".", "", "a b", "ä"]
        {
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
            assert!(refused(object).starts_with("$.metadata.name"), "{name}");
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": name}});
            // An empty namespace is filled in.
            assert_eq!(refused(object).starts_with("$.metadata.namespace"), !name.is_empty(), "{name}");
        }
        for version in ["v1/../x", "a/b/c", "", "a?b/v1"] {
            let object = json!({"apiVersion": version, "kind": "Secret", "metadata": {"name": "a"}});
            assert!(refused(object).starts_with("$.apiVersion"), "{version}");
        }
        let fine = json!({"apiVersion": "a.b/v1", "kind": "Role", "metadata": {"name": "system:a.b_c"}});
        assert_eq!(refused(fine), "");
    }

    #[test]
    fn the_pod_gets_its_label_and_namespace() {
        let pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": null, "b": "c"}}});
        let objects = launch_objects(Vec::new(), pod, "t", "n").expect("objects");
        assert_eq!(objects[0].value["metadata"]["labels"], json!({"b": "c", TASK_LABEL: "t"}));
        assert_eq!(objects[0].namespace, "n");
        let odd = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": "text"}});
        assert!(launch_objects(Vec::new(), odd, "t", "n").is_err());
    }
}

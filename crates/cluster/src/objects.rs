//! Manifests to objects of the cluster: labels, namespaces, and what their kinds are called in its API.

use super::errors::{Finding, Subject};
use super::{AGENT_LABEL, LIFETIME_LABEL, RULE_LABEL, TASK_LABEL};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Resource};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::edit::Pointer;
use podrules::lifetime::Lifetime;
use podrules::pod::names::{self, label_value};
use serde_json::{Map, Value, json};

/// A companion as a run gives it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The object.
    pub manifest: Value,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// The rule that asks for it.
    pub rule: String,
}

/// An object as it is sent.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is to the launch.
    pub subject: Subject,
    /// The object.
    pub value: Value,
    /// How long it lives; the Pod has none.
    pub lifetime: Option<Lifetime>,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    pub(super) resource: ApiResource,
}

impl Object {
    /// `persistentvolumeclaim/scratch`, as kubectl names it.
    pub fn id(&self) -> String {
        let kind = self.resource.kind.to_lowercase();
        match self.resource.group.as_str() {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }

    /// Where objects of its kind are in the API, once their kind is known.
    pub fn url(&self) -> String {
        DynamicObject::url_path(&self.resource, Some(&self.namespace))
    }

    /// That something of its name is there, and isn't ours.
    pub(super) fn not_ours(&self, there: &Value) -> Finding {
        let whose = match label(there, TASK_LABEL) {
            Some(task) => format!("belongs to the task {task}"),
            None => "was not made by podrules".to_owned(),
        };
        let message = format!("{} is there already, and {whose}", self.id());
        let help = match self.subject {
            Subject::Pod => "delete it if it isn't needed: two of a kind can't have one name",
            Subject::Companion(_) => {
                "give the companion a name of the task's own, such as \"${pod_name}\", or delete what is there"
            }
        };
        Finding::new(self.subject, Diagnostic::new(Code::NotOurs, message).help(help))
    }

    /// The label that says whose it is.
    pub fn task(&self) -> &str {
        label(&self.value, TASK_LABEL).unwrap_or("")
    }
}

/// A label of an object.
pub(super) fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// The objects of a launch, labelled and in the order in which they are sent; the Pod comes last. The namespace is for a Pod
/// that names none.
pub fn described(
    companions: Vec<Wanted>,
    pod: Value,
    task: &str,
    namespace: &str,
) -> Result<Vec<Object>, Vec<Finding>> {
    let mut pod = without_nulls(pod);
    // A rule may have taken it off, and without it we would not know the Pod again.
    if let Err(what) = dress(&mut pod, namespace, &[(TASK_LABEL, label_value(task))]) {
        return Err(vec![no_object(Subject::Pod, what)]);
    }
    let pod = object(Subject::Pod, pod, None);
    let mut objects: Vec<Object> = Vec::with_capacity(companions.len() + 1);
    let mut found: Vec<Finding> = check_names(&pod).into_iter().collect();
    for (number, mut wanted) in companions.into_iter().enumerate() {
        let subject = Subject::Companion(number);
        let agent = label(&pod.value, AGENT_LABEL).map(|agent| (AGENT_LABEL, agent.to_owned()));
        let labels = [
            (TASK_LABEL, label_value(task)),
            (RULE_LABEL, label_value(&wanted.rule)),
            (LIFETIME_LABEL, wanted.lifetime.word().to_owned()),
        ];
        let labels: Vec<(&str, String)> = labels.into_iter().chain(agent).collect();
        if let Err(what) = dress(&mut wanted.manifest, &pod.namespace, &labels) {
            found.push(no_object(subject, what));
            continue;
        }
        let companion = object(subject, wanted.manifest, Some(wanted.lifetime));
        found.extend(check_names(&companion));
        if companion.lifetime == Some(Lifetime::Pod) && companion.namespace != pod.namespace {
            let message = format!(
                "{} is in the namespace {}, and the Pod is in {}: Kubernetes lets no Pod own what is in another namespace",
                companion.id(),
                companion.namespace,
                pod.namespace
            );
            let refused = Diagnostic::new(Code::ApiRefused, message)
                .help("write `lifetime: task` or `keep`, or leave the namespace out");
            found.push(Finding::new(subject, refused));
        }
        let same = |other: &&Object| other.id() == companion.id() && other.namespace == companion.namespace;
        if objects.iter().find(same).is_some() || same(&&pod) {
            let message = format!("{} is asked for twice, and only one can be there", companion.id());
            found.push(Finding::new(
                subject,
                Diagnostic::new(Code::DuplicateName, message).help("give one of them another name"),
            ));
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

fn no_object(subject: Subject, what: &str) -> Finding {
    Finding::new(subject, Diagnostic::new(Code::WrongType, format!("{what} is no object, and must be one")))
}

/// Names become part of a request's path, and may hold what a task's author wrote: nothing in them may lead elsewhere.
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
    let message = format!("{at}: `{}` can't be one of an object to create", wrong.escape_debug());
    let diagnostic =
        Diagnostic::new(Code::BadName, message).help("in expressions, `dns(…)` makes a valid name of any text");
    Some(Finding::new(object.subject, diagnostic).at(at))
}

/// Whether a text is one segment of a path, whatever else it is.
fn is_segment(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    (1..=253).contains(&text.len()) && text.bytes().all(fine) && !text.bytes().all(|byte| byte == b'.')
}

/// Fills in a namespace, and writes labels.
fn dress(manifest: &mut Value, namespace: &str, labels: &[(&str, String)]) -> Result<(), &'static str> {
    let metadata = within(manifest, "metadata").ok_or("`metadata`")?;
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

fn within<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Map<String, Value>> {
    value.as_object_mut()?.get_mut(key)?.as_object_mut()
}

/// Without keys whose value is null: in a Pod they say nothing, and applied they would count as ours.
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
    use super::{Wanted, described};
    use crate::TASK_LABEL;
    use podrules::lifetime::Lifetime;
    use serde_json::{Value, json};

    fn refused(manifest: Value) -> String {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}});
        let wanted = Wanted { manifest, lifetime: Lifetime::Pod, rule: "r".into() };
        match described(vec![wanted], pod, "t", "n") {
            Ok(_) => String::new(),
            Err(found) => found.iter().map(|f| f.diagnostic.message.as_str()).collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for name in ["../../../kube-system/secrets/x", "a/b", "a?force=true", "a#b", "a%2fb", "..", ".", "", "a b", "ä"]
        {
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
            assert!(refused(object).starts_with("$.metadata.name"), "{name}");
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": name}});
            // One that is empty is filled in.
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
    fn the_pod_has_its_label_and_namespace_whatever_rules_did() {
        let pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": null, "b": "c"}}});
        let objects = described(Vec::new(), pod, "t", "n").expect("objects");
        assert_eq!(objects[0].value["metadata"]["labels"], json!({"b": "c", TASK_LABEL: "t"}));
        assert_eq!(objects[0].namespace, "n");
        let odd = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": "text"}});
        assert!(described(Vec::new(), odd, "t", "n").is_err());
    }
}

//! `podrules rbac`: the least Role that the loaded rules need.

use super::Exit;
use super::arguments::Rbac;
use super::load::{read_all, rules_files};
use super::report::{self, Report};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources};
use crate::output;
use crate::plan::{self, Plan};
use crate::source::helm::Installation;
use crate::source::{MAX_RULES_BYTES, MAX_VALUES_BYTES};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a launch does with the Pod and with each companion: looks whether it is there, applies it (which creates or changes),
/// removes it again.
const VERBS: [&str; 4] = ["get", "create", "patch", "delete"];

/// Runs the command.
pub fn run(command: &Rbac, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let rules = rules_files(&command.rules, &mut found);
    let values = read_all(&command.values, MAX_VALUES_BYTES, &mut sources, &mut found);
    let rules = read_all(&rules, MAX_RULES_BYTES, &mut sources, &mut found);
    if found.has_errors() {
        report.show(found, &sources);
        return Exit::Input;
    }
    let read = |sources: &mut Sources, found: &mut Diagnostics| Installation::read(sources, &values, found);
    let installation = if values.is_empty() { None } else { read(&mut sources, &mut found) };
    let plan = plan::compile(&sources, installation.as_ref(), &rules, &mut found);
    let as_job = installation.as_ref().is_some_and(Installation::task_as_job);
    let granted = granted(&plan, as_job, &mut found);
    if let Some(text) = installation.as_ref().and_then(Installation::pre_apply) {
        let message = "the values' own command may need more than this Role: what it does can't be known";
        let mut note = Diagnostic::new(Code::Unsupported, message).at(text.span);
        note.severity = Severity::Warning;
        found.push(note);
    }
    if report.show(found, &sources) {
        return Exit::Mistakes;
    }
    report::print(&output::documents(&objects(command, granted, as_job)))
}

/// The resources that are needed, by API group and name.
type Granted = BTreeSet<(String, String)>;

fn granted(plan: &Plan, as_job: bool, found: &mut Diagnostics) -> Granted {
    let launched = if as_job { ("batch", "jobs") } else { ("", "pods") };
    let mut granted = Granted::from([(launched.0.to_owned(), launched.1.to_owned())]);
    for companion in plan.rules.iter().filter(|rule| rule.enabled).flat_map(|rule| &rule.companions) {
        let text = |key| Some(companion.manifest.field(key)?.constant()?.as_str()?.to_owned());
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            let message = "which kind this companion is of is known only when a task is there";
            let help = "write apiVersion and kind without `${ }`, or grant what it needs by hand";
            let mut warning = Diagnostic::new(Code::Unsupported, message).at(companion.span).help(help);
            warning.severity = Severity::Warning;
            found.push(warning);
            continue;
        };
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        granted.insert((group.to_owned(), resource.plural));
    }
    granted
}

/// The Role; with a ServiceAccount the RoleBinding, too.
fn objects(command: &Rbac, granted: Granted, as_job: bool) -> Vec<Value> {
    let api = "rbac.authorization.k8s.io";
    let mut metadata = json!({"name": command.name});
    if let Some(namespace) = &command.namespace {
        metadata["namespace"] = namespace.as_str().into();
    }
    let mut rules: Vec<Value> = granted
        .iter()
        .map(|(group, resource)| json!({"apiGroups": [group], "resources": [resource], "verbs": VERBS}))
        .collect();
    if as_job {
        // To follow the Pods that a Job makes.
        rules.push(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}));
    }
    let role = json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata, "rules": rules});
    let binding = command.service_account.as_ref().map(|account| {
        let mut subject = json!({"kind": "ServiceAccount", "name": account});
        if let Some(namespace) = &command.namespace {
            subject["namespace"] = namespace.as_str().into();
        }
        json!({
            "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": command.name}, "subjects": [subject],
        })
    });
    std::iter::once(role).chain(binding).collect()
}

//! `podrules rbac`: the least Role that the loaded rules need.

use super::Exit;
use super::arguments::{Rbac, RbacFor};
use super::load::{read_all, rules_files};
use super::report::{self, Report};
use kube::core::{ApiResource, GroupVersionKind};
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources};
use podrules::lifetime::Lifetime;
use podrules::output;
use podrules::plan::{self, Plan};
use podrules::source::helm::Values;
use podrules::source::{MAX_RULES_BYTES, MAX_VALUES_BYTES};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const API: &str = "rbac.authorization.k8s.io";

/// What is done with objects, in the order in which it is printed.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// What `apply` does with the Pod and with each companion: looks whether it is there, applies it (which creates or changes),
/// removes it again.
const APPLY: [&str; 4] = ["get", "create", "patch", "delete"];
/// What the agent does with them: it creates, looks at what is there already, and removes.
const CREATE: [&str; 3] = ["get", "create", "delete"];
/// To give a companion to its Pod, and to let a Pod go after the command that its deletion has waited for.
const CHANGE: [&str; 1] = ["patch"];
/// To know what became of the Pods, those of an earlier process as well.
const FOLLOW: [&str; 3] = ["get", "list", "watch"];
/// To find the companions of tasks that are gone, by their labels.
const SWEEP: [&str; 1] = ["list"];
/// To remove all companions of a task at once, when it has ended.
const WITH_TASK: [&str; 1] = ["deletecollection"];
/// To tell at the Pod which rules made it.
const TELL: [&str; 1] = ["create"];
/// To be the only agent at work: the lease is taken, and renewed.
const LEAD: [&str; 3] = ["get", "create", "update"];

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
    let read = |sources: &mut Sources, found: &mut Diagnostics| Values::read(sources, &values, found);
    let installation = if values.is_empty() { None } else { read(&mut sources, &mut found) };
    let plan = plan::compile(&sources, installation.as_ref(), &rules, &mut found);
    let as_job = installation.as_ref().is_some_and(Values::task_as_job);
    let held = installation.as_ref().is_some_and(|values| values.post_delete().is_some());
    let granted = granted(&plan, command.whom, as_job, held, &mut found);
    let commands = installation.as_ref().map(|values| match command.whom {
        RbacFor::Apply => [values.pre_apply(), None],
        RbacFor::Run => [values.pre_apply(), values.post_delete()],
    });
    for text in commands.into_iter().flatten().flatten() {
        let message = "the values' own command may need more than this Role: what it does can't be known";
        let mut note = Diagnostic::new(Code::Unsupported, message).at(text.span);
        note.severity = Severity::Warning;
        found.push(note);
    }
    // A value that can't be read is told above, and nothing is printed.
    let everywhere = |values: &Values| values.monitor_all_namespaces().unwrap_or_default();
    let everywhere = command.whom == RbacFor::Run && installation.as_ref().is_some_and(everywhere);
    if report.show(found, &sources) {
        return Exit::Mistakes;
    }
    report::print(&output::documents(&objects(command, &granted, everywhere)))
}

/// What may be done with the resources that are needed, by API group and name.
#[derive(Default)]
struct Granted(BTreeMap<(String, String), Vec<&'static str>>);

impl Granted {
    fn add(&mut self, group: &str, resource: &str, verbs: &[&'static str]) {
        self.0.entry((group.to_owned(), resource.to_owned())).or_default().extend(verbs);
    }

    fn rules(&self) -> Vec<Value> {
        let rules = self.0.iter().map(|((group, resource), verbs)| {
            let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| verbs.contains(verb)).collect();
            json!({"apiGroups": [group], "resources": [resource], "verbs": verbs})
        });
        rules.collect()
    }
}

fn granted(plan: &Plan, whom: RbacFor, as_job: bool, held: bool, found: &mut Diagnostics) -> Granted {
    let mut granted = Granted::default();
    let launched = if as_job { ("batch", "jobs") } else { ("", "pods") };
    match whom {
        RbacFor::Apply => {
            granted.add(launched.0, launched.1, &APPLY);
            if as_job {
                // To follow the Pods that a Job makes.
                granted.add("", "pods", &["list"]);
            }
        }
        RbacFor::Run => {
            granted.add(launched.0, launched.1, &CREATE);
            if held {
                granted.add(launched.0, launched.1, &CHANGE);
            }
            granted.add(launched.0, launched.1, &FOLLOW);
            granted.add("", "pods", &FOLLOW);
            granted.add("events.k8s.io", "events", &TELL);
            granted.add("coordination.k8s.io", "leases", &LEAD);
        }
    }
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
        if whom == RbacFor::Apply {
            granted.add(group, &resource.plural, &APPLY);
            continue;
        }
        granted.add(group, &resource.plural, &CREATE);
        granted.add(group, &resource.plural, &SWEEP);
        match companion.lifetime {
            Lifetime::Pod => granted.add(group, &resource.plural, &CHANGE),
            Lifetime::Task => granted.add(group, &resource.plural, &WITH_TASK),
            Lifetime::Keep => {}
        }
    }
    granted
}

/// The Role; with a ServiceAccount the RoleBinding, too. For all namespaces they are a ClusterRole and a ClusterRoleBinding.
fn objects(command: &Rbac, granted: &Granted, everywhere: bool) -> Vec<Value> {
    let (role, binding) = if everywhere { ("ClusterRole", "ClusterRoleBinding") } else { ("Role", "RoleBinding") };
    let named = |mut value: Value, namespace: bool| {
        if let (Some(name), true) = (&command.namespace, namespace) {
            value["namespace"] = name.as_str().into();
        }
        value
    };
    let metadata = named(json!({"name": command.name}), !everywhere);
    let binding = command.service_account.as_ref().map(|account| {
        json!({
            "apiVersion": format!("{API}/v1"), "kind": binding, "metadata": metadata,
            "roleRef": {"apiGroup": API, "kind": role, "name": command.name},
            "subjects": [named(json!({"kind": "ServiceAccount", "name": account}), true)],
        })
    });
    let role = json!({"apiVersion": format!("{API}/v1"), "kind": role, "metadata": metadata, "rules": granted.rules()});
    std::iter::once(role).chain(binding).collect()
}

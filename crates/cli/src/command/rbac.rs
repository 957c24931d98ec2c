//! `podrules rbac`: the minimal Role that the loaded rules need.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Files;
use crate::options::RulesOptions;
use crate::report::{self, Report};
use clap::{Args, ValueEnum};
use kube::core::{ApiResource, GroupVersionKind};
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use podrules::installation::{Draft, Installation};
use podrules::lifetime::Lifetime;
use podrules::output;
use podrules::source::helm::Values;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Print the minimal Role that the rules need
#[derive(Debug, Args)]
#[command(
    after_help = "Example: podrules rbac -f values.yaml -r rules.yaml -n clearml --service-account clearml-agent | kubectl apply -f -"
)]
pub struct Rbac {
    #[command(flatten)]
    rules: RulesOptions,
    /// Which command needs the Role
    #[arg(long = "for", value_enum, value_name = "COMMAND", default_value_t = For::Apply, help_heading = ROLE)]
    whom: For,
    /// The namespace of the tasks and of the ServiceAccount
    #[arg(short, long, value_name = "NAME", help_heading = ROLE)]
    namespace: Option<String>,
    /// The Role's name
    #[arg(long, value_name = "NAME", default_value = "podrules-agent", help_heading = ROLE)]
    name: String,
    /// Also print a RoleBinding for this ServiceAccount
    #[arg(long, value_name = "NAME", help_heading = ROLE)]
    service_account: Option<String>,
}

const ROLE: &str = "Role";

/// Who needs permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    /// `podrules apply`, which launches a task
    Apply,
    /// `podrules run`, which also follows tasks to their end
    Run,
}

const API: &str = "rbac.authorization.k8s.io";

/// All verbs, in the order in which they are printed.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// What `apply` does with the Pod and each companion: it reads, applies (which creates or changes), and deletes on failure.
const APPLY: [&str; 4] = ["get", "create", "patch", "delete"];
/// What the agent does with them: it creates, reads what exists already, and deletes.
const CREATE: [&str; 3] = ["get", "create", "delete"];
/// To make a Pod the owner of its companions, and to remove the finalizer after the post-delete command.
const CHANGE: [&str; 1] = ["patch"];
/// To watch the Pods, those of an earlier process as well.
const FOLLOW: [&str; 3] = ["get", "list", "watch"];
/// To find the companions of tasks that are gone, by their labels.
const SWEEP: [&str; 1] = ["list"];
/// To remove all companions of a task at once, when it has ended.
const WITH_TASK: [&str; 1] = ["deletecollection"];
/// To write Events on Pods, which name the rules that made them.
const TELL: [&str; 1] = ["create"];
/// For leader election: to take and renew the Lease.
const LEAD: [&str; 3] = ["get", "create", "update"];

impl Rbac {
    /// Prints the Role.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let mut found = Diagnostics::new();
        let mut inputs = self.rules.inputs(&mut found);
        // Without values there is nothing to say of a Job or a command, and no queue that rules could miss.
        inputs.values = inputs.values.filter(|files| !files.is_empty());
        let installation = Draft::read(&inputs, &mut Files, found).finish()?;
        let mut found = installation.warnings().clone();
        let granted = granted(&installation, self.whom, &mut found);
        warn_of_commands(&installation, self.whom, &mut found);
        let everywhere = |values: &Values| values.monitor_all_namespaces().unwrap_or_default();
        let everywhere = self.whom == For::Run && installation.values().is_some_and(everywhere);
        if report.show(found, installation.sources()) {
            return Ok(Exit::Mistakes);
        }
        report::print(&output::documents(&self.objects(&granted, everywhere)))?;
        Ok(Exit::Done)
    }

    /// The Role; with a ServiceAccount the RoleBinding, too. For all namespaces they are a ClusterRole and a ClusterRoleBinding.
    fn objects(&self, granted: &Granted, everywhere: bool) -> Vec<Value> {
        let (role, binding) = if everywhere { ("ClusterRole", "ClusterRoleBinding") } else { ("Role", "RoleBinding") };
        let named = |mut value: Value, namespace: bool| {
            if let (Some(name), true) = (&self.namespace, namespace) {
                value["namespace"] = name.as_str().into();
            }
            value
        };
        let metadata = named(json!({"name": self.name}), !everywhere);
        let binding = self.service_account.as_ref().map(|account| {
            json!({
                "apiVersion": format!("{API}/v1"), "kind": binding, "metadata": metadata,
                "roleRef": {"apiGroup": API, "kind": role, "name": self.name},
                "subjects": [named(json!({"kind": "ServiceAccount", "name": account}), true)],
            })
        });
        let rules = granted.rules();
        let role = json!({"apiVersion": format!("{API}/v1"), "kind": role, "metadata": metadata, "rules": rules});
        std::iter::once(role).chain(binding).collect()
    }
}

/// What the values' own commands do can't be read from them.
fn warn_of_commands(installation: &Installation, whom: For, found: &mut Diagnostics) {
    let commands = installation.values().map(|values| match whom {
        For::Apply => [values.pre_apply(), None],
        For::Run => [values.pre_apply(), values.post_delete()],
    });
    for text in commands.into_iter().flatten().flatten() {
        let message = "a command in the values may need more permissions than this Role grants";
        let mut warning = Diagnostic::new(Code::Unsupported, message).at(text.span);
        warning.severity = Severity::Warning;
        found.push(warning);
    }
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

fn granted(installation: &Installation, whom: For, found: &mut Diagnostics) -> Granted {
    let as_job = installation.task_as_job();
    let held = installation.values().is_some_and(|values| values.post_delete().is_some());
    let mut granted = Granted::default();
    let launched = if as_job { ("batch", "jobs") } else { ("", "pods") };
    match whom {
        For::Apply => {
            granted.add(launched.0, launched.1, &APPLY);
            if as_job {
                // To follow the Pods that a Job makes.
                granted.add("", "pods", &["list"]);
            }
        }
        For::Run => {
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
    for companion in installation.companions() {
        let Some((version, kind)) = companion.kind else {
            let message = "the kind of this companion depends on the task, so the Role doesn't include it";
            let help = "write apiVersion and kind without `${ }`, or grant the permissions by hand";
            let mut warning = Diagnostic::new(Code::Unsupported, message).at(companion.span).help(help);
            warning.severity = Severity::Warning;
            found.push(warning);
            continue;
        };
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        if whom == For::Apply {
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

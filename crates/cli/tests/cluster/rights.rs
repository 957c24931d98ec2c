//! A ServiceAccount with too few permissions: which errors it gets, and that nothing is left half done.

use crate::harness::{Place, folder, kubeconfig, run};
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::source::yaml;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

const NAME: &str = "clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// A kubeconfig of a ServiceAccount with these RBAC rules.
pub fn account(place: &Place, rules: &Value) -> PathBuf {
    let group = "/apis/rbac.authorization.k8s.io/v1/namespaces";
    let meta = json!({"name": "launcher"});
    place.post(&place.core("serviceaccounts"), &json!({"metadata": meta})).unwrap();
    let role = json!({"metadata": meta, "rules": rules});
    place.post(&format!("{group}/{}/roles", place.namespace), &role).unwrap();
    let binding = json!({
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "launcher"},
        "subjects": [{"kind": "ServiceAccount", "name": "launcher", "namespace": place.namespace}],
    });
    place.post(&format!("{group}/{}/rolebindings", place.namespace), &binding).unwrap();
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}});
    let answer = place.post(&place.core("serviceaccounts/launcher/token"), &request).unwrap();
    let token = answer["status"]["token"].as_str().unwrap();
    let text = std::fs::read_to_string(kubeconfig()).unwrap();
    let at = text.find("token: ").unwrap() + "token: ".len();
    let end = at + text[at..].find('}').unwrap();
    let file = std::env::temp_dir().join(format!("{}.yaml", place.namespace));
    std::fs::write(&file, format!("{}\"{token}\"{}", &text[..at], &text[end..])).unwrap();
    file
}

fn may(resource: &str, verbs: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": [resource], "verbs": verbs})
}

const ALL: [&str; 4] = ["get", "create", "patch", "delete"];

#[test]
fn the_documented_permissions_are_enough() {
    let place = Place::new("enough");
    let rules = json!([may("pods", &ALL), may("persistentvolumeclaims", &ALL), may("configmaps", &ALL)]);
    let file = account(&place, &rules);
    place.apply_by(&file, "claim", &[]).fine();
    place.apply_by(&file, "claim", &[]).fine();
    place.apply_by(&file, "labelled", &["--dry-run=server"]).refused(1, &["pod updates may not change fields"]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn the_printed_role_is_enough() {
    let place = Place::new("printed");
    let rules = folder("claim").join("rules.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_podrules"));
    command.args(["rbac", "-n", &place.namespace, "-r"]).arg(rules);
    let printed = run(command).fine().stdout;
    let mut sources = Sources::new();
    let file = sources.add("role.yaml", printed);
    let role = yaml::read(&sources, file, &mut Diagnostics::new()).remove(0).to_value();
    assert_eq!(role["rules"].as_array().map(Vec::len), Some(3), "{role}");
    let file = account(&place, &role["rules"]);
    place.apply_by(&file, "claim", &[]).fine();
    place.apply_by(&file, "claim", &[]).fine();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn without_permissions_on_a_companion_nothing_is_created() {
    let place = Place::new("no-claims");
    let file = account(&place, &json!([may("pods", &ALL), may("persistentvolumeclaims", &["get"])]));
    let words = ["error[api-forbidden]", "persistentvolumeclaims", "get, create, patch and delete", "in rule scratch"];
    place.apply_by(&file, "claim", &[]).refused(5, &words);
    std::fs::remove_file(file).unwrap();
    assert!(place.get(&place.pod()).is_err());
    assert!(place.names(&place.core("persistentvolumeclaims")).is_empty());
}

#[test]
fn without_permissions_on_pods_the_companions_are_removed() {
    let place = Place::new("no-pods");
    let rules = json!([may("pods", &["get"]), may("persistentvolumeclaims", &ALL), may("configmaps", &ALL)]);
    let file = account(&place, &rules);
    let ran =
        place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", "cannot patch resource \"pods\""]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(ran.stdout, "");
    place.until("the claim to be removed", || place.names(&place.core("persistentvolumeclaims")).is_empty());
    assert!(place.get(&place.core(&format!("configmaps/{NAME}"))).is_err());
}

#[test]
fn objects_that_cant_be_removed_are_named() {
    let place = Place::new("no-way-back");
    let most = ["get", "create", "patch"];
    let rules = json!([may("pods", &["get"]), may("persistentvolumeclaims", &most), may("configmaps", &most)]);
    let file = account(&place, &rules);
    let left = format!("could not remove: configmap/{NAME}, persistentvolumeclaim/{NAME}");
    place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", &left]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn another_user_can_be_impersonated() {
    let place = Place::new("act-as");
    let words = ["error[api-forbidden]", "User \"nobody\" cannot"];
    place.apply("claim", &["--as", "nobody"]).refused(5, &words);
    place.apply("claim", &["--as", "nobody", "--as-group", "system:masters"]).fine();
}

#[test]
fn warnings_of_the_cluster_are_printed_and_dont_stop_the_launch() {
    let place = Place::new("warned");
    let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}});
    place.merge(&format!("/api/v1/namespaces/{}", place.namespace), &labels).unwrap();
    let ran = place.apply("labelled", &[]).fine();
    assert!(ran.stderr.contains("warning[api-warning]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("would violate PodSecurity \"restricted:latest\""), "{}", ran.stderr);
    let place = Place::new("enforced");
    let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    place.merge(&format!("/api/v1/namespaces/{}", place.namespace), &labels).unwrap();
    place.apply("claim", &[]).refused(1, &["error[api-refused]", "violates PodSecurity", "another Pod Security level"]);
    assert!(place.get(&place.core(&format!("configmaps/{NAME}"))).is_err());
}

#[test]
fn the_message_of_a_cluster_policy_is_reported() {
    let place = Place::new("policy");
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
    let policy = json!({
        "metadata": {"name": place.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
            }]},
            "validations": [{"expression": "object.metadata.labels.team != 'vision'", "message": "vision cannot use this"}],
        },
    });
    let name = json!({"kubernetes.io/metadata.name": place.namespace});
    let binding = json!({
        "metadata": {"name": place.namespace},
        "spec": {
            "policyName": place.namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": name}},
        },
    });
    place.post(policies, &policy).unwrap();
    place.post(bindings, &binding).unwrap();
    // The API server takes a moment to enforce it.
    place.until("the policy to be enforced", || place.apply("labelled", &["--dry-run=server"]).code != 0);
    place.apply("labelled", &[]).refused(1, &["error[api-refused]", "vision cannot use this", "ask its administrator"]);
    place.delete(&format!("{bindings}/{}", place.namespace)).unwrap();
    place.delete(&format!("{policies}/{}", place.namespace)).unwrap();
}

//! What a ServiceAccount with too few rights gets, and that nothing stays half done.

use crate::harness::{Place, kubeconfig};
use serde_json::{Value, json};
use std::path::PathBuf;

const NAME: &str = "clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// A kubeconfig of a ServiceAccount that may do what the rules say.
fn account(place: &Place, rules: &Value) -> PathBuf {
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
fn the_rights_that_are_documented_are_enough() {
    let place = Place::new("enough");
    let rules = json!([may("pods", &ALL), may("persistentvolumeclaims", &ALL), may("configmaps", &ALL)]);
    let file = account(&place, &rules);
    place.apply_by(&file, "claim", &[]).fine();
    place.apply_by(&file, "claim", &[]).fine();
    place.apply_by(&file, "labelled", &["--dry-run=server"]).refused(1, &["pod updates may not change fields"]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn without_rights_on_a_companion_nothing_is_made() {
    let place = Place::new("no-claims");
    let file = account(&place, &json!([may("pods", &ALL), may("persistentvolumeclaims", &["get"])]));
    let words = ["error[api-forbidden]", "persistentvolumeclaims", "get, create, patch and delete", "in rule scratch"];
    place.apply_by(&file, "claim", &[]).refused(5, &words);
    std::fs::remove_file(file).unwrap();
    assert!(place.get(&place.pod()).is_err());
    assert!(place.names(&place.core("persistentvolumeclaims")).is_empty());
}

#[test]
fn without_rights_on_pods_the_companions_go_again() {
    let place = Place::new("no-pods");
    let rules = json!([may("pods", &["get"]), may("persistentvolumeclaims", &ALL), may("configmaps", &ALL)]);
    let file = account(&place, &rules);
    let ran =
        place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", "cannot patch resource \"pods\""]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(ran.stdout, "");
    place.until("the claim's removal", || place.names(&place.core("persistentvolumeclaims")).is_empty());
    assert!(place.get(&place.core(&format!("configmaps/{NAME}"))).is_err());
}

#[test]
fn what_cant_be_removed_again_is_named() {
    let place = Place::new("no-way-back");
    let most = ["get", "create", "patch"];
    let rules = json!([may("pods", &["get"]), may("persistentvolumeclaims", &most), may("configmaps", &most)]);
    let file = account(&place, &rules);
    let left = format!("could not be removed again: configmap/{NAME}, persistentvolumeclaim/{NAME}");
    place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", &left]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn somebody_else_can_be_acted_as() {
    let place = Place::new("act-as");
    let words = ["error[api-forbidden]", "User \"nobody\" cannot"];
    place.apply("claim", &["--as", "nobody"]).refused(5, &words);
    place.apply("claim", &["--as", "nobody", "--as-group", "system:masters"]).fine();
}

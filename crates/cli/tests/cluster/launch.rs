//! Successful launches: which objects exist afterwards, and which are deleted together.

use crate::harness::{Place, TASK};
use serde_json::json;

const NAME: &str = "clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

#[test]
fn companions_are_created_before_the_pod_and_deleted_with_it() {
    let place = Place::new("claim");
    let ran = place.apply("claim", &[]).fine();
    assert_eq!(
        ran.stdout,
        format!("persistentvolumeclaim/{NAME} created\nconfigmap/{NAME} created\npod/{NAME} created\n")
    );
    let pod = place.get(&place.pod()).unwrap();
    let claim_path = place.core(&format!("persistentvolumeclaims/{NAME}"));
    let claim = place.get(&claim_path).unwrap();
    let labels = json!({
        "CLEARML": pod["metadata"]["labels"]["CLEARML"],
        "podrules.io/task-id": TASK, "podrules.io/rule": "scratch", "podrules.io/lifetime": "pod",
    });
    assert_eq!(claim["metadata"]["labels"], labels);
    let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": NAME, "uid": pod["metadata"]["uid"]}]);
    assert_eq!(claim["metadata"]["ownerReferences"], owner);
    let map_path = place.core(&format!("configmaps/{NAME}"));
    let map = place.get(&map_path).unwrap();
    assert!(map["metadata"].get("ownerReferences").is_none());
    assert_eq!(map["metadata"]["labels"]["team"], "vision");
    assert_eq!(map["metadata"]["labels"]["podrules.io/lifetime"], "task");
    let managers = pod["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|m| m["manager"] == "podrules" && m["operation"] == "Apply"));

    place.delete(&place.pod()).unwrap();
    place.until("the claim to be removed", || place.get(&claim_path).is_err());
    assert!(place.get(&map_path).is_ok(), "`lifetime: task` outlives the Pod");
}

#[test]
fn applying_twice_changes_nothing() {
    let place = Place::new("twice");
    place.apply("claim", &[]).fine();
    // Controllers update these objects at their own pace. Wait for them, or the objects change while the test compares.
    let claim = place.core(&format!("persistentvolumeclaims/{NAME}"));
    place
        .until("the claim's controllers to finish", || place.get(&claim).unwrap()["metadata"]["finalizers"].is_array());
    place.until("the scheduler to finish", || place.get(&place.pod()).unwrap()["status"]["conditions"].is_array());
    let ran = place.apply("claim", &[]).fine();
    assert_eq!(
        ran.stdout,
        format!("persistentvolumeclaim/{NAME} unchanged\nconfigmap/{NAME} unchanged\npod/{NAME} unchanged\n")
    );
}

#[test]
fn a_changed_companion_is_updated_and_a_changed_pod_is_refused() {
    let place = Place::new("changed");
    place.apply("claim", &[]).fine();
    let ran = place.apply("claim-changed", &[]);
    let ran = ran.refused(1, &["error[api-refused]", "pod updates may not change fields", "delete the Pod first"]);
    assert_eq!(ran.stdout, "");
    // The rollback leaves objects alone that existed before.
    let map = place.get(&place.core(&format!("configmaps/{NAME}"))).unwrap();
    assert_eq!(map["data"], json!({"id": "other"}));
    assert!(place.get(&place.pod()).is_ok());
}

#[test]
fn fields_of_other_managers_conflict_unless_forced() {
    let place = Place::new("conflict");
    place.apply("labelled", &[]).fine();
    place.merge(&place.pod(), &json!({"metadata": {"labels": {"team": "audio"}}})).unwrap();
    let conflict = ["error[api-conflict]", "$.metadata.labels.team", "`hand`", "rules.yaml:6:9", "--force-conflicts"];
    place.apply("labelled", &[]).refused(1, &conflict);
    let team = || place.get(&place.pod()).unwrap()["metadata"]["labels"]["team"].clone();
    assert_eq!(team(), "audio");
    let ran = place.apply("labelled", &["--force-conflicts"]).fine();
    assert_eq!(ran.stdout, format!("pod/{NAME} configured\n"));
    assert_eq!(team(), "vision");
}

#[test]
fn custom_resources_can_be_companions() {
    let place = Place::new("custom");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "datasets.test.podrules.io"},
        "spec": {
            "group": "test.podrules.io", "scope": "Namespaced",
            "names": {"plural": "datasets", "singular": "dataset", "kind": "Dataset"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                    "type": "object", "properties": {"size": {"type": "integer", "maximum": 10}},
                }}}},
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    // On a control plane that was used before, it already exists.
    let _ = place.post(definitions, &definition);
    let datasets = format!("/apis/test.podrules.io/v1/namespaces/{}/datasets", place.namespace);
    place.until("the kind", || place.get(&datasets).is_ok());
    let ran = place.apply("custom", &["-o", "name"]).fine();
    assert_eq!(ran.stdout, format!("dataset.test.podrules.io/{NAME}\npod/{NAME}\n"));
    let pod = place.get(&place.pod()).unwrap();
    let dataset = place.get(&format!("{datasets}/{NAME}")).unwrap();
    assert_eq!(dataset["metadata"]["ownerReferences"][0]["uid"], pod["metadata"]["uid"]);
    assert_eq!(dataset["spec"]["size"], 3);
    let refused = place.apply("custom-refused", &[]);
    refused.refused(1, &["error[api-refused]", "$.spec.size", "rules.yaml:6:19"]);
}

#[test]
fn a_kept_companion_is_reused_by_the_next_task() {
    let place = Place::new("kept");
    place.apply("kept", &[]).fine();
    let home = place.core("persistentvolumeclaims/home");
    let uid = place.get(&home).unwrap()["metadata"]["uid"].clone();
    let other = place.namespace.clone();
    std::fs::write(
        std::env::temp_dir().join(format!("{other}.json")),
        r#"{"id": "ffff", "container": {"image": "a"}}"#,
    )
    .unwrap();
    let task = std::env::temp_dir().join(format!("{other}.json"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_podrules"));
    command.current_dir(crate::harness::folder("kept")).args(["apply", "-r", "rules.yaml", "-n", &other, "-t"]);
    command.arg(&task).arg("--kubeconfig").arg(crate::harness::kubeconfig());
    let ran = crate::harness::run(command).fine();
    std::fs::remove_file(task).unwrap();
    assert_eq!(ran.stdout, "persistentvolumeclaim/home unchanged\npod/clearml-id-ffff created\n");
    let now = place.get(&home).unwrap();
    assert_eq!(now["metadata"]["uid"], uid);
    assert_eq!(now["metadata"]["labels"]["podrules.io/task-id"], TASK);
}

#[test]
fn an_object_that_is_being_deleted_is_an_error() {
    let place = Place::new("going");
    place.apply("claim", &[]).fine();
    let map = place.core(&format!("configmaps/{NAME}"));
    place.merge(&map, &json!({"metadata": {"finalizers": ["podrules.io/test"]}})).unwrap();
    place.delete(&map).unwrap();
    place.apply("claim", &[]).refused(1, &["error[being-removed]", "kubectl wait --for=delete"]);
    place.merge(&map, &json!({"metadata": {"finalizers": []}})).unwrap();
}

#[test]
fn the_namespace_can_come_from_the_kubeconfig_context() {
    let place = Place::new("context");
    let text = std::fs::read_to_string(crate::harness::kubeconfig()).unwrap();
    let mine = std::env::temp_dir().join(format!("{}.yaml", place.namespace));
    let named = format!("cluster: test, namespace: {},", place.namespace);
    std::fs::write(&mine, text.replace("cluster: test,", &named)).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_podrules"));
    command.current_dir(crate::harness::folder("labelled")).env("KUBECONFIG", &mine);
    command.args(["apply", "-r", "rules.yaml", "-t", "../../task.json", "-o", "json"]);
    let ran = crate::harness::run(command).fine();
    std::fs::remove_file(mine).unwrap();
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed["metadata"]["namespace"], place.namespace);
    assert!(place.get(&place.pod()).is_ok());
}

//! `podrules run` while parts of the control plane freeze, die and come back, and with policies and objects that get in its way.

use super::run::agent::Agent;
use super::run::checks::{Tasks, busy, finish, verdict};
use super::run::plane::Plane;
use super::run::witness::Witness;
use crate::harness::{Place, until};
use serde_json::json;
use std::time::Duration;

/// One control plane for all of these: each start costs seconds and memory.
#[test]
fn parts_of_the_control_plane_stop_and_come_back() {
    let plane = Plane::new();
    let place = Place::at(&plane.kubeconfig(), "plane");
    let witness = Witness::new(&place);
    let mut agent = busy(&place);
    let mut tasks = Tasks::default();
    agent.start();
    agent.ready();
    for part in ["kube-apiserver", "etcd"] {
        for killed in [false, true] {
            tasks.add(&agent, 25);
            until(60, "a Pod", || !witness.seen().there.is_empty());
            let again = if killed {
                Some(plane.kill(part))
            } else {
                plane.freeze(part);
                None
            };
            tasks.add(&agent, 5);
            until(120, "readiness to fail", || {
                agent.must_live();
                !agent.is_ready()
            });
            std::thread::sleep(Duration::from_secs(3));
            match again {
                Some(command) => plane.start(part, command),
                None => plane.thaw(part),
            }
            until(120, "readiness", || {
                agent.must_live();
                agent.is_ready()
            });
            finish(&mut agent, &mut tasks, 180);
        }
    }
    verdict(&mut agent, &witness, &mut tasks, "control plane stopped and killed", 0);
}

#[test]
fn a_policy_that_denies_the_pod_fails_the_task_with_its_message() {
    let place = Place::new("denied");
    let group = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "metadata": {"name": place.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
            }]},
            "validations": [{
                "expression": "!('podrules.io/life' in object.metadata.?annotations.orValue({}))",
                "message": "no such life here",
            }],
        },
    });
    let binding = json!({
        "metadata": {"name": place.namespace},
        "spec": {
            "policyName": place.namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}},
        },
    });
    place.post(&format!("{group}/validatingadmissionpolicies"), &policy).unwrap();
    place.post(&format!("{group}/validatingadmissionpolicybindings"), &binding).unwrap();
    // The API server takes a moment to enforce it.
    place.until("the policy to be enforced", || place.apply("life-ends", &["--dry-run=server"]).code != 0);
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("ends", "denied");
    agent.task("runs", "allowed");
    let status = agent.until("ends", "denied", "failed");
    assert!(status["message"].as_str().unwrap().contains("no such life here"), "{status}");
    assert_ne!(status["reason"], "");
    agent.until("runs", "allowed", "running");
    for kind in ["validatingadmissionpolicybindings", "validatingadmissionpolicies"] {
        place.delete(&format!("{group}/{kind}/{}", place.namespace)).unwrap();
    }
}

#[test]
fn odd_objects_and_files_dont_affect_other_tasks() {
    let place = Place::new("poisoned");
    let mut agent = Agent::new(&place).with(&["--keep-finished", "1s", "--sweep-every", "2s"]);
    let pod = |name: &str, labels: serde_json::Value, annotations: serde_json::Value, more: serde_json::Value| {
        let mut pod = json!({
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
            "spec": {"containers": [{"name": "a", "image": "a"}]},
        });
        for (key, value) in more.as_object().unwrap() {
            pod["metadata"][key] = value.clone();
        }
        place.post(&place.core("pods"), &pod).unwrap();
    };
    let long = "x".repeat(200_000);
    let odd = json!({"podrules.io/life": "ends", "podrules.io/queue": "\u{1b}[31m\n{\"", "podrules.io/odd": long});
    let ours =
        |task: &str| json!({"podrules.io/task-id": task, "podrules.io/queue": "", "podrules.io/lifetime": "none"});
    pod("hand-made", ours("no-such-task"), odd.clone(), json!({}));
    pod("clearml-id-empty", ours(""), odd.clone(), json!({}));
    // Pods with a task's labels that weren't launched for it.
    pod("impostor", ours("good-1"), odd.clone(), json!({}));
    pod("clearml-id-other", ours("good-1"), json!({}), json!({"finalizers": ["podrules.io/post-delete"]}));
    pod("clearml-id-good-2", json!({}), json!({}), json!({"labels": {"app": "theirs"}}));
    place.delete(&place.core("pods/clearml-id-other")).unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (name, text) in [
        ("half", "{\"id\": \"half\", "),
        ("nothing", ""),
        ("list", "[1, 2]"),
        ("null", "null"),
        ("deep", &deep),
        ("no-id", "{\"container\": {\"image\": \"a\"}}"),
        ("id-number", "{\"id\": 7}"),
        ("id-odd", "{\"id\": \"../../x\\u0000\\n$(touch owned)\", \"container\": {\"image\": \"a\"}}"),
        ("id-long", &json!({"id": long, "container": {"image": "a"}}).to_string()),
        ("bytes", "\u{feff}{\"id\": \"bytes\"}"),
        ("no-image", "{\"id\": \"no-image\", \"container\": {\"image\": {}}}"),
    ] {
        agent.task_as("ends", name, text);
    }
    let folder = agent.path("tasks/ends");
    std::fs::write(folder.join("latin.json"), b"{\"id\": \"\xff\xfe\"}").unwrap();
    std::fs::create_dir(folder.join("folder.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("endless.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling.json")).unwrap();
    std::fs::create_dir_all(agent.path("tasks/$(touch owned)\u{1b}[31m")).unwrap();
    agent.task("$(touch owned)\u{1b}[31m", "odd-queue");
    agent.start();
    for id in ["good-3", "good-4"] {
        agent.task("ends", id);
    }
    for id in ["good-3", "good-4"] {
        agent.until("ends", id, "completed");
    }
    agent.ready();
    assert!(!agent.path("owned").exists());
    // A Pod that belongs to someone else is left alone, and its task fails.
    agent.task("ends", "good-2");
    agent.until("ends", "good-2", "failed");
    let theirs = place.get(&place.core("pods/clearml-id-good-2")).unwrap();
    assert_eq!(theirs["metadata"]["labels"], json!({"app": "theirs"}));
    let log = agent.log();
    assert!(!log.contains('\u{1b}'), "{log}");
    agent.stop();
    // It would block the deletion of the namespace.
    let _ = place.merge(&place.core("pods/clearml-id-other"), &json!({"metadata": {"finalizers": null}}));
}

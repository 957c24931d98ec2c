//! Companions and Jobs: what is there while a task lives, and what is when it has ended.

use super::super::harness::Place;
use super::agent::Agent;
use super::checks;
use serde_json::{Value, json};

#[test]
fn each_lifetime_ends_as_it_says() {
    let place = Place::new("lifetimes");
    let mut agent = Agent::new(&place).rules(&checks::RULES.replace("podrules.io/life: ends", "a: b"));
    agent.start();
    agent.task("others", "c");
    agent.until("others", "c", "running");
    let pod = place.get(&place.core("pods/clearml-id-c")).unwrap();
    let (of_pod, of_task) = (place.core("configmaps/clearml-id-c-pod"), place.core("secrets/clearml-id-c-task"));
    let kept = place.core("configmaps/kept");
    assert_eq!(place.get(&of_pod).unwrap()["metadata"]["ownerReferences"][0]["uid"], pod["metadata"]["uid"]);
    let secret = place.get(&of_task).unwrap();
    assert_eq!(secret["metadata"]["labels"]["podrules.io/lifetime"], "task");
    assert_eq!(secret["metadata"]["labels"]["podrules.io/rule"], "everything");
    assert!(place.get(&kept).is_ok());
    // kwok lets no Pod of this life end: we do.
    end(&place, "clearml-id-c");
    agent.until("others", "c", "completed");
    assert!(place.get(&of_pod).is_ok() && place.get(&of_task).is_ok(), "they go when the Pod goes, which is kept");
    place.delete(&place.core("pods/clearml-id-c")).unwrap();
    place.until("the removal of what was the task's", || place.get(&of_task).is_err());
    place.until("the removal of what was the Pod's", || place.get(&of_pod).is_err());
    assert!(place.get(&kept).is_ok());
    assert_eq!(agent.word("others", "c"), "completed");
}

/// Lets a Pod succeed.
pub fn end(place: &Place, name: &str) {
    let path = place.core(&format!("pods/{name}/status"));
    let state = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let pod = place.get(&place.core(&format!("pods/{name}"))).unwrap();
    let container = &pod["spec"]["containers"][0]["name"];
    let status = json!({"phase": "Succeeded", "containerStatuses": [
        {"name": container, "image": "a", "imageID": "", "ready": false, "restartCount": 0, "state": state},
    ]});
    place.merge(&path, &json!({"status": status})).unwrap();
}

#[test]
fn a_companion_that_is_somebody_elses_fails_the_task_and_says_the_rule() {
    let place = Place::new("theirs");
    let theirs = json!({"metadata": {"name": "clearml-id-t-pod"}, "data": {"a": "theirs"}});
    place.post(&place.core("configmaps"), &theirs).unwrap();
    let mut agent = Agent::new(&place).rules(checks::RULES);
    agent.start();
    agent.task("others", "t");
    let status = agent.until("others", "t", "failed");
    assert!(status["message"].as_str().unwrap().contains("everything"), "{status}");
    assert_ne!(status["reason"], "");
    assert!(place.get(&place.core("pods/clearml-id-t")).is_err());
    place.until("the way back", || place.get(&place.core("secrets/clearml-id-t-task")).is_err());
    assert_eq!(place.get(&place.core("configmaps/clearml-id-t-pod")).unwrap()["data"]["a"], "theirs");
}

#[test]
fn custom_kinds_are_companions_that_go_with_the_task() {
    let place = Place::new("custom");
    let definition = json!({
        "metadata": {"name": "caches.run.podrules.io"},
        "spec": {
            "group": "run.podrules.io", "scope": "Namespaced",
            "names": {"plural": "caches", "singular": "cache", "kind": "Cache"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    // A control plane that was used before has it.
    let _ = place.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    let caches = format!("/apis/run.podrules.io/v1/namespaces/{}/caches", place.namespace);
    place.until("the kind", || place.get(&caches).is_ok());
    let companion = |lifetime: &str| {
        json!({"lifetime": lifetime, "manifest": {
            "apiVersion": "run.podrules.io/v1", "kind": "Cache", "metadata": {"name": format!("${{pod_name}}-{lifetime}")},
        }})
    };
    let rules = json!([{"name": "caches", "companions": [companion("pod"), companion("task")],
        "do": [{"addAnnotations": {"annotations": {"podrules.io/life": "ends"}}}]}]);
    let rules = json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": rules}).to_string();
    let mut agent = Agent::new(&place).rules(&rules).with(&["--keep-finished", "1s"]);
    agent.start();
    agent.task("others", "x");
    agent.until("others", "x", "completed");
    place.until("the removal of both", || place.names(&caches).is_empty());
    assert!(place.names(&place.core("pods")).is_empty());
}

#[test]
fn a_job_is_followed_through_its_pod() {
    let place = Place::new("jobs");
    let mut agent = Agent::new(&place)
        .values(&json!({"taskAsJob": true, "queues": {"ends": {}, "breaks": {}, "runs": {}}}))
        .with(&["--keep-finished", "1s"]);
    agent.start();
    for queue in ["ends", "breaks", "runs"] {
        agent.task(queue, queue);
    }
    agent.until("ends", "ends", "completed");
    let status = agent.until("breaks", "breaks", "failed");
    assert!(status.to_string().contains("OOMKilled"), "{status}");
    agent.until("runs", "runs", "running");
    let jobs = format!("/apis/batch/v1/namespaces/{}/jobs", place.namespace);
    place.until("the removal of what has ended", || place.names(&jobs) == ["clearml-id-runs"]);
    let running = |list: Value| list["items"].as_array().unwrap().len();
    place.until("the removal of their Pods", || running(place.get(&place.core("pods")).unwrap()) == 1);
    agent.remove("runs", "runs");
    place.until("the removal of the Job", || place.names(&jobs).is_empty());
    place.until("the removal of its Pod", || place.names(&place.core("pods")).is_empty());
}

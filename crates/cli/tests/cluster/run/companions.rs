//! Companions and Jobs: which objects exist while a task runs, and which after it has ended.

use super::super::harness::Place;
use super::agent::Agent;
use super::checks;
use serde_json::{Value, json};

#[test]
fn each_lifetime_ends_as_documented() {
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
    // kwok never finishes Pods of this queue, so the test does.
    end(&place, "clearml-id-c");
    agent.until("others", "c", "completed");
    assert!(
        place.get(&of_pod).is_ok() && place.get(&of_task).is_ok(),
        "they must exist as long as the Pod, which is kept"
    );
    place.delete(&place.core("pods/clearml-id-c")).unwrap();
    place.until("the task's companion to be removed", || place.get(&of_task).is_err());
    place.until("the Pod's companion to be removed", || place.get(&of_pod).is_err());
    assert!(place.get(&kept).is_ok());
    assert_eq!(agent.word("others", "c"), "completed");
}

/// Makes a Pod succeed.
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
fn a_companion_that_belongs_to_someone_else_fails_the_task_and_names_the_rule() {
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
    place.until("the rollback", || place.get(&place.core("secrets/clearml-id-t-task")).is_err());
    assert_eq!(place.get(&place.core("configmaps/clearml-id-t-pod")).unwrap()["data"]["a"], "theirs");
}

#[test]
fn custom_resources_are_deleted_with_the_task() {
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
    // On a control plane that was used before, it already exists.
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
    place.until("both to be removed", || place.names(&caches).is_empty());
    assert!(place.names(&place.core("pods")).is_empty());
}

#[test]
fn a_job_is_observed_through_its_pod() {
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
    place.until("finished Jobs to be removed", || place.names(&jobs) == ["clearml-id-runs"]);
    let running = |list: Value| list["items"].as_array().unwrap().len();
    place.until("their Pods to be removed", || running(place.get(&place.core("pods")).unwrap()) == 1);
    agent.remove("runs", "runs");
    place.until("the Job to be removed", || place.names(&jobs).is_empty());
    place.until("its Pod to be removed", || place.names(&place.core("pods")).is_empty());
}

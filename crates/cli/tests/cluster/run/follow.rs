//! One task: it is launched and observed to its end, its reason is recorded, and its Pod is removed.

use super::super::harness::{Place, until};
use super::agent::Agent;
use super::witness::Witness;
use serde_json::json;

fn pod(place: &Place, task: &str) -> String {
    place.core(&format!("pods/clearml-id-{task}"))
}

#[test]
fn a_task_is_launched_and_observed_to_its_end() {
    let place = Place::new("followed");
    let mut agent = Agent::new(&place);
    agent.task("runs", "early");
    agent.start();
    agent.task("ends", "late");
    let status = agent.until("ends", "late", "completed");
    assert_eq!(status["task"], "late");
    assert_eq!(status["pod"], "clearml-id-late");
    let status = agent.until("runs", "early", "running");
    assert_eq!(status["pod"], "clearml-id-early");
    let made = place.get(&pod(&place, "late")).unwrap();
    assert_eq!(made["metadata"]["labels"]["podrules.io/task-id"], "late");
    assert_eq!(made["metadata"]["annotations"]["podrules.io/life"], "ends");
    assert_eq!(made["spec"]["serviceAccountName"], "clearml-agent-sa");
    assert_eq!(made["spec"]["containers"][0]["image"], "ubuntu:22.04");
    agent.stop();
}

#[test]
fn tasks_outside_queue_folders_are_in_the_default_queue() {
    let place = Place::new("default");
    let mut agent = Agent::new(&place).with(&["--default-queue", "ends"]);
    agent.start();
    agent.task("", "loose");
    agent.until("", "loose", "completed");
    let made = place.get(&pod(&place, "loose")).unwrap();
    assert_eq!(made["metadata"]["annotations"]["podrules.io/life"], "ends");
}

#[test]
fn a_failed_pod_is_recorded_with_its_reason() {
    let place = Place::new("fails");
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("breaks", "broken");
    let status = agent.until("breaks", "broken", "failed");
    assert_eq!(status["reason"], "OOMKilled", "{status}");
    assert!(status["message"].as_str().unwrap().contains("137"), "{status}");
}

#[test]
fn an_image_that_cant_be_pulled_fails_the_task() {
    let place = Place::new("no-image");
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("no-image", "bare");
    let status = agent.until("no-image", "bare", "failed");
    assert_eq!(status["reason"], "ImagePullBackOff", "{status}");
    assert!(status["message"].as_str().unwrap().contains("ubuntu:22.04"), "{status}");
}

#[test]
fn an_unschedulable_pod_waits_and_says_why() {
    let place = Place::new("no-node");
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("nowhere", "moon");
    let status = agent.until("nowhere", "moon", "waiting");
    assert!(status["message"].as_str().unwrap().contains("0/1 nodes are available"), "{status}");
    assert!(place.get(&pod(&place, "moon")).is_ok());
}

#[test]
fn failing_rules_fail_the_task_and_create_nothing() {
    let place = Place::new("bad-rule");
    let mut agent = Agent::new(&place).more_rules(
        "  - name: hopeless\n    queues: [others]\n    do: [replace: {path: $.spec.nothing.here, pattern: a, with: b}]\n",
    );
    agent.start();
    agent.task("others", "bad");
    let status = agent.until("others", "bad", "failed");
    assert!(status["message"].as_str().unwrap().contains("hopeless"), "{status}");
    assert_ne!(status["reason"], "", "{status}");
    assert!(place.get(&pod(&place, "bad")).is_err());
    // Other tasks go on.
    agent.task("ends", "good");
    agent.until("ends", "good", "completed");
}

#[test]
fn finished_pods_are_kept_for_a_while() {
    let place = Place::new("kept-10m");
    let mut agent = Agent::new(&place).with(&["--keep-finished", "10m"]);
    agent.start();
    agent.task("ends", "kept");
    agent.until("ends", "kept", "completed");
    let other = Place::new("kept-1s");
    let mut short = Agent::new(&other).with(&["--keep-finished", "1s"]);
    short.start();
    for queue in ["ends", "breaks"] {
        short.task(queue, queue);
    }
    short.until("ends", "ends", "completed");
    short.until("breaks", "breaks", "failed");
    other.until("the Pods' removal", || other.names(&other.core("pods")).is_empty());
    // The agent deleted the Pod itself, so the task's final status doesn't change.
    assert_eq!(short.word("ends", "ends"), "completed");
    assert_eq!(short.status("breaks", "breaks")["reason"], "OOMKilled");
    assert!(place.get(&pod(&place, "kept")).is_ok());
}

#[test]
fn two_files_for_one_task_are_one_pod() {
    let place = Place::new("twice");
    let witness = Witness::new(&place);
    let mut agent = Agent::new(&place).with(&["--keep-finished", "1s"]);
    agent.start();
    let text = json!({"id": "same", "container": {"image": "a"}}).to_string();
    agent.task_as("ends", "first", &text);
    agent.task_as("ends", "second", &text);
    until(60, "an end", || ["first", "second"].iter().any(|name| agent.word("ends", name) == "completed"));
    place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
    // Rewriting the file of an ended task doesn't launch it again.
    let ended = if agent.word("ends", "first") == "completed" { "first" } else { "second" };
    agent.task_as("ends", ended, &text);
    agent.task("ends", "after");
    agent.until("ends", "after", "completed");
    assert_eq!(witness.seen().pods["same"].len(), 1);
}

//! Withdrawn tasks, Pods that someone else deletes, and the post-delete command.

use super::super::harness::{Place, until};
use super::super::proxy::{Mode, Proxy};
use super::agent::Agent;
use serde_json::json;
use std::fs;
use std::time::Duration;

/// Pods that run forever, and a line for each deleted one.
fn logging(place: &Place) -> Agent<'_> {
    let agent = Agent::new(place);
    let log = agent.path("post-delete");
    let post_delete = format!("echo {{pod_name}} {{queue_name}} {{namespace}} >> {}", log.display());
    agent.commands("true", &post_delete)
}

fn lines(agent: &Agent) -> Vec<String> {
    let text = fs::read_to_string(agent.path("post-delete")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn removing_a_task_file_aborts_the_task() {
    let place = Place::new("aborted");
    let mut agent = logging(&place);
    agent.start();
    agent.task("runs", "unwanted");
    agent.task("nowhere", "unwanted-too");
    agent.until("runs", "unwanted", "running");
    agent.until("nowhere", "unwanted-too", "waiting");
    agent.remove("runs", "unwanted");
    agent.remove("nowhere", "unwanted-too");
    place.until("the Pods' removal", || place.names(&place.core("pods")).is_empty());
    until(60, "the commands", || lines(&agent).len() == 2);
    // Another task may reuse its name.
    agent.task("runs", "unwanted-3");
    agent.until("runs", "unwanted-3", "running");
}

#[test]
fn a_task_that_is_removed_while_no_agent_runs_is_aborted_later() {
    let place = Place::new("aborted-later");
    let mut agent = Agent::new(&place).with(&["--sweep-every", "2s"]);
    agent.start();
    agent.task("runs", "unwanted");
    agent.until("runs", "unwanted", "running");
    agent.kill();
    agent.remove("runs", "unwanted");
    agent.start();
    place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
}

#[test]
fn deleting_a_pod_fails_its_task() {
    let place = Place::new("deleted");
    let mut agent = logging(&place);
    agent.start();
    agent.task("runs", "hit");
    agent.until("runs", "hit", "running");
    place.delete(&place.core("pods/clearml-id-hit")).unwrap();
    let status = agent.until("runs", "hit", "failed");
    assert!(status["message"].as_str().unwrap().contains("deleted"), "{status}");
    place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
    let line = format!("clearml-id-hit runs {}", place.namespace);
    until(60, "the command", || lines(&agent) == [line.as_str()]);
}

#[test]
fn pods_that_are_deleted_while_no_agent_runs_are_handled_later() {
    let place = Place::new("deleted-later");
    let mut agent = logging(&place);
    agent.start();
    for id in ["a", "b"] {
        agent.task("runs", id);
    }
    for id in ["a", "b"] {
        agent.until("runs", id, "running");
    }
    agent.kill();
    for id in ["a", "b"] {
        place.delete(&place.core(&format!("pods/clearml-id-{id}"))).unwrap();
    }
    let pod = place.get(&place.core("pods/clearml-id-a")).expect("the finalizer keeps it until the command has run");
    assert_eq!(pod["metadata"]["finalizers"], serde_json::json!(["podrules.io/post-delete"]));
    agent.start();
    for id in ["a", "b"] {
        agent.until("runs", id, "failed");
    }
    place.until("the Pods' removal", || place.names(&place.core("pods")).is_empty());
    let expected = ["a", "b"].map(|id| format!("clearml-id-{id} runs {}", place.namespace));
    assert_eq!(lines(&agent), expected);
    agent.stop();
    assert_eq!(lines(&agent), expected);
}

#[test]
fn a_failing_post_delete_command_is_logged_and_doesnt_block_the_pod() {
    let place = Place::new("bad-command");
    let mut agent = Agent::new(&place).commands("true", "echo gone wrong >&2; exit 3").with(&["--keep-finished", "1s"]);
    agent.start();
    agent.task("runs", "unwanted");
    agent.until("runs", "unwanted", "running");
    agent.remove("runs", "unwanted");
    place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
    until(60, "a line in the log", || agent.log().contains("gone wrong"));
}

#[test]
fn a_failing_pre_apply_command_fails_the_task() {
    let place = Place::new("bad-first");
    let mut agent = Agent::new(&place).commands("echo no room for {pod_name} >&2; exit 3", "true");
    agent.start();
    agent.task("runs", "refused");
    let status = agent.until("runs", "refused", "failed");
    assert!(status["message"].as_str().unwrap().contains("no room for clearml-id-refused"), "{status}");
    assert!(place.names(&place.core("pods")).is_empty());
}

#[test]
fn late_watch_events_run_no_command_twice() {
    let place = Place::new("late-news");
    let proxy = Proxy::new(&place);
    let mut agent = logging(&place).by(&proxy.kubeconfig());
    agent.start();
    agent.task("nowhere", "gone");
    agent.until("nowhere", "gone", "waiting");
    proxy.set(Mode::Late(Duration::from_secs(1)));
    let pod = place.core("pods/clearml-id-gone");
    place.delete(&pod).unwrap();
    // Each event arrives long after the Pod is gone.
    for number in 0..8 {
        std::thread::sleep(Duration::from_millis(100));
        place.merge(&pod, &json!({"metadata": {"annotations": {"by": number.to_string()}}})).unwrap();
    }
    place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
    std::thread::sleep(Duration::from_secs(4));
    agent.until("nowhere", "gone", "failed");
    assert_eq!(lines(&agent).len(), 1);
}

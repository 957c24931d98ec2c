//! How many Pods run at once: the agent's limits, and the cluster's quota.

use super::super::harness::{Place, until};
use super::agent::Agent;
use super::witness::Witness;
use serde_json::json;

fn launched(agent: &Agent, queue: &str, ids: &[&str]) -> usize {
    ids.iter().filter(|id| agent.word(queue, id) == "running").count()
}

#[test]
fn the_limit_on_pods_holds() {
    let place = Place::new("max");
    let witness = Witness::new(&place);
    let mut agent = Agent::new(&place).with(&["--max-pods", "3"]);
    let ids = ["a", "b", "c", "d", "e", "f"];
    for id in ids {
        agent.task("runs", id);
    }
    agent.start();
    until(60, "three Pods", || launched(&agent, "runs", &ids) == 3);
    // Once there is room, a waiting task takes it.
    let gone = ids.iter().find(|id| agent.word("runs", id) == "running").unwrap();
    agent.remove("runs", gone);
    until(60, "a fourth task", || witness.seen().pods.len() == 4);
    agent.kill();
    // Existing Pods count after a restart too.
    agent.start();
    agent.ready();
    agent.remove("runs", ids.iter().rev().find(|id| *id != gone && agent.word("runs", id) == "running").unwrap());
    until(60, "a fifth task", || witness.seen().pods.len() == 5);
    assert_eq!(witness.seen().most, 3);
}

#[test]
fn the_limit_on_pods_of_a_queue_holds() {
    let place = Place::new("max-queue");
    let witness = Witness::new(&place);
    let mut agent = Agent::new(&place).with(&["--max-pods-per-queue", "1"]);
    for queue in ["runs", "others"] {
        for id in ["a", "b", "c"] {
            agent.task(queue, &format!("{queue}-{id}"));
        }
    }
    agent.start();
    until(60, "a Pod of each queue", || witness.seen().there.len() == 2);
    // Waiting tasks don't hold up other queues.
    agent.task("ends", "free");
    agent.until("ends", "free", "completed");
    assert!(witness.seen().most <= 3);
    let queues = ["runs", "others"];
    let of = |queue: &str| witness.seen().there.iter().filter(|name| name.contains(queue)).count();
    assert_eq!(queues.map(of), [1, 1]);
}

#[test]
fn a_task_that_exceeds_the_quota_waits_for_room() {
    let place = Place::new("quota");
    let witness = Witness::new(&place);
    let quota = json!({"metadata": {"name": "pods"}, "spec": {"hard": {"count/pods": "0"}}});
    place.post(&place.core("resourcequotas"), &quota).unwrap();
    let quota = place.core("resourcequotas/pods");
    place.until("the quota", || !place.get(&quota).unwrap()["status"]["used"].is_null());
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("ends", "q1");
    let status = agent.until("ends", "q1", "waiting");
    assert!(status["message"].as_str().unwrap().contains("quota"), "{status}");
    assert!(witness.seen().pods.is_empty());
    place.merge(&quota, &json!({"spec": {"hard": {"count/pods": "5"}}})).unwrap();
    // How long it backs off before it retries doesn't matter here.
    until(300, "the end", || agent.word("ends", "q1") == "completed");
    assert_eq!(witness.seen().pods["q1"].len(), 1);
}

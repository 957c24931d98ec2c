//! Restarts, and several replicas at once.

use super::super::harness::{Place, until};
use super::agent::Agent;
use super::checks::{Tasks, busy, finish, verdict};
use super::companions::end;
use super::witness::Witness;
use serde_json::Value;

#[test]
fn pods_of_the_previous_process_are_observed() {
    let place = Place::new("takeover");
    let witness = Witness::new(&place);
    let mut agent = Agent::new(&place);
    agent.start();
    for id in ["seen", "unseen", "goes-on"] {
        agent.task("runs", id);
    }
    for id in ["seen", "unseen", "goes-on"] {
        agent.until("runs", id, "running");
    }
    agent.stop();
    assert_eq!(place.names(&place.core("pods")).len(), 3, "a stop must not delete Pods");
    end(&place, "clearml-id-unseen");
    agent.start();
    agent.until("runs", "unseen", "completed");
    agent.kill();
    agent.start();
    agent.ready();
    end(&place, "clearml-id-seen");
    agent.until("runs", "seen", "completed");
    assert_eq!(agent.word("runs", "goes-on"), "running");
    assert!(witness.doubled().is_empty());
}

fn holder(place: &Place) -> Option<String> {
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", place.namespace);
    let list = place.get(&leases).unwrap();
    let leases = list["items"].as_array().unwrap();
    assert!(leases.len() < 2, "{leases:?}");
    leases.first().and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned))
}

#[test]
fn another_replica_takes_over_from_the_leader() {
    let place = Place::new("replicas");
    let witness = Witness::new(&place);
    let mut first = busy(&place).elects();
    let mut second = busy(&place).elects().beside(&first);
    let mut tasks = Tasks::default();
    first.start();
    until(60, "a leader", || holder(&place).is_some_and(|name| !name.is_empty()));
    let leader = holder(&place);
    second.start();
    tasks.add(&first, 40);
    until(60, "the first Pods", || witness.seen().pods.len() > 5);
    first.kill();
    tasks.add(&second, 10);
    until(120, "another leader", || holder(&place) != leader);
    finish(&mut second, &mut tasks, 180);
    // What the first replica ran after a Pod's deletion is in its own file.
    let before = std::fs::read_to_string(first.path("post-delete")).unwrap_or_default();
    let after = std::fs::read_to_string(second.path("post-delete")).unwrap_or_default();
    std::fs::write(second.path("post-delete"), format!("{before}{after}")).unwrap();
    verdict(&mut second, &witness, &mut tasks, "the leader was killed", 1);
}

#[test]
fn a_stopped_leader_releases_the_lease_at_once() {
    let place = Place::new("gives-way");
    let witness = Witness::new(&place);
    let mut first = Agent::new(&place).elects();
    let mut second = Agent::new(&place).elects().beside(&first);
    first.start();
    first.task("runs", "one");
    first.until("runs", "one", "running");
    second.start();
    let leader = holder(&place);
    first.stop();
    // Released: no holder, or already the other replica.
    assert_ne!(holder(&place).filter(|name| !name.is_empty()), leader);
    second.task("ends", "two");
    second.until("ends", "two", "completed");
    assert!(witness.doubled().is_empty());
}

#[test]
fn a_frozen_replica_repeats_nothing_when_it_resumes() {
    let place = Place::new("frozen");
    let witness = Witness::new(&place);
    let mut first = Agent::new(&place).elects().with(&["--keep-finished", "1s"]);
    let mut second = Agent::new(&place).elects().beside(&first).with(&["--keep-finished", "1s"]);
    first.start();
    first.task("runs", "before");
    first.until("runs", "before", "running");
    let leader = holder(&place);
    first.freeze();
    for number in 0..20 {
        second.task("ends", &format!("t{number}"));
    }
    second.start();
    until(120, "another leader", || holder(&place) != leader);
    until(60, "an end", || second.word("ends", "t0") == "completed");
    // It resumes, and still believes that it is the leader.
    first.thaw();
    for number in 0..20 {
        let id = format!("t{number}");
        until(120, "all tasks to end", || second.word("ends", &id) == "completed");
    }
    assert!(witness.doubled().is_empty());
    let runs: Value = place.get(&place.core("pods/clearml-id-before")).unwrap();
    assert!(runs["metadata"]["deletionTimestamp"].is_null());
}

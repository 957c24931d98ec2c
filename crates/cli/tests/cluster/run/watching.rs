//! What the agent exposes: Events, metrics, readiness, its log, and how it stops.

use super::super::harness::Place;
use super::agent::Agent;
use serde_json::Value;

#[test]
fn events_report_what_happens_to_a_pod() {
    let place = Place::new("events");
    let mut agent = Agent::new(&place);
    agent.start();
    agent.task("ends", "told");
    agent.until("ends", "told", "completed");
    let uid = place.get(&place.core("pods/clearml-id-told")).unwrap()["metadata"]["uid"].clone();
    let events = || {
        let list = place.get(&format!("/apis/events.k8s.io/v1/namespaces/{}/events", place.namespace)).unwrap();
        let ours = |event: &&Value| {
            let controller = event["reportingController"].as_str().unwrap_or_default();
            controller.contains("podrules") && event["regarding"]["uid"] == uid
        };
        list["items"].as_array().unwrap().iter().filter(ours).cloned().collect::<Vec<_>>()
    };
    place.until("an Event", || !events().is_empty());
    for event in events() {
        assert!(event["note"].as_str().is_some_and(|note| !note.is_empty()), "{event}");
        assert!(event["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
    }
}

#[test]
fn metrics_and_probes_are_served() {
    let place = Place::new("metrics");
    let mut agent = Agent::new(&place);
    agent.start();
    agent.ready();
    agent.task("ends", "counted");
    agent.task("breaks", "counted-too");
    agent.until("ends", "counted", "completed");
    agent.until("breaks", "counted-too", "failed");
    assert_eq!(agent.http("/healthz").unwrap().0, 200);
    assert_eq!(agent.http("/nothing-here").unwrap().0, 404);
    let (code, text) = agent.http("/metrics").unwrap();
    assert_eq!(code, 200);
    // Each line is a comment, or a name and a number.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(name.starts_with("podrules_") || name.starts_with("process_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(text.contains("podrules_launch_seconds_count"), "{text}");
    // An id in a label would make a series per task.
    assert!(!text.contains("counted"), "{text}");
}

#[test]
fn a_stop_waits_for_pending_launches_and_leaves_pods_alone() {
    let place = Place::new("stop");
    let mut agent = Agent::new(&place);
    agent.start();
    for number in 0..30 {
        agent.task("runs", &format!("s{number}"));
    }
    place.until("the first Pod", || !place.names(&place.core("pods")).is_empty());
    agent.stop();
    let there = place.names(&place.core("pods"));
    // Every Pod's launch is recorded.
    for name in &there {
        let id = name.strip_prefix("clearml-id-").unwrap();
        assert_ne!(agent.word("runs", id), "", "{name}");
    }
    assert!(agent.http("/readyz").is_none());
    agent.start();
    for number in 0..30 {
        agent.until("runs", &format!("s{number}"), "running");
    }
}

#[test]
fn each_log_line_is_a_json_object() {
    let place = Place::new("log");
    let mut agent = Agent::new(&place).with(&["--log-format", "json"]);
    agent.start();
    agent.task_as("ends", "odd", "{\"id\": \"odd\\n\\u001b[31m\", \"container\": {\"image\": \"a\"}}");
    agent.task("ends", "logged");
    agent.until("ends", "logged", "completed");
    agent.stop();
    let log = agent.log();
    assert!(log.lines().any(|line| line.contains("logged")), "{log}");
    for line in log.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "{line}");
    }
}

#[test]
fn mistakes_are_reported_before_it_starts() {
    let place = Place::new("bad-start");
    for (rules, arguments) in [("rules: [", &[][..]), ("", &["--concurrency", "0"]), ("", &["--listen", "nowhere"])] {
        let mut agent = Agent::new(&place).with(arguments);
        if !rules.is_empty() {
            agent = agent.rules(rules);
        }
        agent.start();
        let code = agent.ended().code();
        assert!(code.is_some_and(|code| code != 0 && code != 101), "{code:?} {}", agent.log());
        assert!(agent.log().contains("error"), "{}", agent.log());
    }
}

//! Each step by itself: the test is the source.

use super::fixture::{Parts, applied, controller, deleted, leader, task};
use crate::controller::Controller;
use crate::controller::companion::Companion;
use crate::controller::jobs::{Batch, JobResult};
use crate::task_source::service::{Answer, Purpose, Request, SourceClient};
use crate::task_source::{End, SourceFault, TaskState};
use crate::watch::WatchEvent;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// An address without a server: jobs start, and their results don't matter here.
const NOWHERE: &str = "http://127.0.0.1:1";

struct Steps {
    controller: Controller,
    requests: mpsc::Receiver<Request>,
    _parts: Parts,
}

impl Steps {
    fn new() -> Self {
        let (source, requests) = SourceClient::detached();
        let (mut controller, parts) = controller(source, NOWHERE, leader());
        // No garbage collection among the jobs.
        controller.last_collection = Some(std::time::Instant::now());
        Steps { controller, requests, _parts: parts }
    }

    /// A controller that has listed these Pods; the source has their tasks as launched.
    fn with_launched(ids: &[&str], status: &serde_json::Value) -> Self {
        let mut steps = Steps::new();
        steps.observe(WatchEvent::ListStarted(0));
        for id in ids {
            steps.observe(applied(id, status.clone()));
        }
        steps.observe(WatchEvent::ListDone(0));
        let mut asked = steps.requests();
        asked.sort();
        let mut expected: Vec<String> = ids.iter().map(|id| format!("state {id}")).collect();
        expected.insert(0, "launched".to_owned());
        assert_eq!(asked, expected);
        steps.answer(Answer::Launched(Ok(ids.iter().map(|id| (*id).to_owned()).collect())));
        assert_eq!(steps.requests(), ["next"]);
        for id in ids {
            let state = Ok(Some(TaskState::Launched));
            steps.answer(Answer::State((*id).into(), Purpose::Reconcile, state));
        }
        steps
    }

    /// What a round of the loop does after its input.
    fn turn(&mut self) {
        self.controller.reconcile_due();
        self.controller.dispatch();
    }

    fn observe(&mut self, event: WatchEvent) {
        self.controller.observe(event);
        self.turn();
    }

    fn answer(&mut self, answer: Answer) {
        self.controller.answered(answer);
        self.turn();
    }

    /// The requests since the last call.
    fn requests(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).map(|request| text(&request)).collect()
    }

    /// Answers the only outstanding record.
    fn recorded(&mut self, result: Result<(), SourceFault>) -> String {
        let Ok(request) = self.requests.try_recv() else { panic!("no request") };
        let said = text(&request);
        let Request::Record(key, record) = request else { panic!("{said}") };
        self.answer(Answer::Recorded(key, record, result));
        said
    }

    fn jobs(&self) -> usize {
        self.controller.jobs.len()
    }
}

fn text(request: &Request) -> String {
    match request {
        Request::Next(_) => "next".to_owned(),
        Request::Requeue(key) => format!("requeue {key}"),
        Request::Withdrawn => "withdrawn".to_owned(),
        Request::Record(key, record) => format!("record {key} {}", record.state.word()),
        Request::State(key, _) => format!("state {key}"),
        Request::Launched => "launched".to_owned(),
    }
}

fn fault<T>() -> Result<T, SourceFault> {
    Err(SourceFault("away".to_owned()))
}

#[tokio::test]
async fn no_task_is_taken_before_pods_are_listed_and_lost_ones_found() {
    let mut steps = Steps::new();
    steps.controller.tick();
    steps.observe(WatchEvent::ListStarted(0));
    assert_eq!(steps.requests(), [""; 0]);
    steps.observe(WatchEvent::ListDone(0));
    assert_eq!(steps.requests(), ["launched"]);
    steps.answer(Answer::Launched(fault()));
    // The next attempt is made at a tick, not at once.
    assert_eq!(steps.requests(), [""; 0]);
    steps.controller.tick();
    steps.controller.tick();
    assert_eq!(steps.requests(), ["launched", "withdrawn"]);
    steps.answer(Answer::Launched(Ok(vec!["lost".to_owned()])));
    assert_eq!(steps.requests(), ["record lost failed", "next"]);
    steps.turn();
    steps.controller.tick();
    assert_eq!(steps.requests(), [""; 0], "at most one request of each kind");
}

#[tokio::test]
async fn a_pod_is_deleted_only_after_its_end_is_recorded() {
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Succeeded"}));
    let held = steps.requests.try_recv().unwrap();
    assert_eq!(text(&held), "record a completed");
    // Whatever happens meanwhile, the task waits for the record.
    steps.observe(applied("a", json!({"phase": "Succeeded", "reason": "x"})));
    steps.controller.tick();
    steps.turn();
    assert_eq!(steps.jobs(), 0);
    let Request::Record(key, record) = held else { panic!("a record") };
    steps.answer(Answer::Recorded(key, record, Ok(())));
    assert_eq!(steps.jobs(), 1);
    assert!(steps.controller.tracked["a"].has_ended());
}

#[tokio::test]
async fn a_failed_record_is_retried_before_anything_else_and_stops_launches() {
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Succeeded"}));
    assert_eq!(steps.recorded(fault()), "record a completed");
    assert_eq!((steps.requests(), steps.jobs()), (vec![], 0));
    // A task that the source returns now waits.
    steps.answer(Answer::Next { asked: 5, result: Ok(vec![task("b")]) });
    steps.controller.tick();
    steps.turn();
    assert_eq!((steps.requests(), steps.controller.launching), (vec!["withdrawn".to_owned()], 0));
    steps.controller.tracked.get_mut("a").unwrap().not_before = None;
    steps.controller.due.insert("a".into());
    steps.turn();
    assert_eq!(steps.recorded(Ok(())), "record a completed");
    assert_eq!(steps.controller.launching, 1);
    assert!(steps.controller.tracked["a"].busy && steps.controller.tracked["b"].busy);
}

#[tokio::test]
async fn records_about_a_task_are_made_one_after_another() {
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Pending"}));
    // Meanwhile it runs, fails and is deleted.
    steps.observe(applied("a", json!({"phase": "Running"})));
    steps.observe(applied("a", json!({"phase": "Failed", "reason": "Evicted"})));
    steps.observe(deleted("a"));
    assert_eq!(steps.recorded(Ok(())), "record a waiting");
    assert_eq!(steps.recorded(Ok(())), "record a failed");
    assert!(!steps.controller.tracked.contains_key("a"));
    assert_eq!(steps.requests(), [""; 0]);
}

#[tokio::test]
async fn a_recorded_end_is_final() {
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Failed"}));
    assert_eq!(steps.recorded(Ok(())), "record a failed");
    steps.observe(applied("a", json!({"phase": "Succeeded"})));
    steps.answer(Answer::Withdrawn { result: Ok(vec!["a".to_owned()]), waiting: Default::default() });
    assert_eq!(steps.requests(), [""; 0]);
    assert_eq!(steps.controller.tracked["a"].recorded, Some(TaskState::Ended(End::Failed)));
}

#[tokio::test]
async fn a_task_whose_pod_still_exists_goes_back_to_the_source() {
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Failed"}));
    assert_eq!(steps.recorded(Ok(())), "record a failed");
    steps.answer(Answer::Next { asked: 5, result: Ok(vec![task("a")]) });
    assert_eq!(steps.requests(), ["requeue a"]);
    // Launched by a process that was killed before it could record that: no second launch.
    let mut steps = Steps::with_launched(&["a"], &json!({"phase": "Running"}));
    assert_eq!(steps.recorded(Ok(())), "record a running");
    steps.answer(Answer::Next { asked: 5, result: Ok(vec![task("a")]) });
    assert_eq!(steps.requests(), ["record a launched"]);
    assert_eq!(steps.controller.launching, 0);
}

#[tokio::test]
async fn a_withdrawn_task_without_a_pod_is_aborted_until_that_is_recorded() {
    let mut steps = Steps::with_launched(&[], &json!({}));
    steps.answer(Answer::Withdrawn { result: Ok(vec!["a".to_owned()]), waiting: Default::default() });
    assert_eq!(steps.recorded(fault()), "record a aborted");
    assert!(steps.controller.tracked.contains_key("a"));
    steps.controller.tracked.get_mut("a").unwrap().not_before = None;
    steps.controller.due.insert("a".into());
    steps.turn();
    assert_eq!(steps.recorded(Ok(())), "record a aborted");
    assert!(!steps.controller.tracked.contains_key("a"));
}

/// A batch of old companions of these tasks. The receiver's sender is dropped when all are decided on.
fn companions(keys: &[&str]) -> (Batch, oneshot::Receiver<()>) {
    let url: Arc<str> = "/api/v1/namespaces/n/secrets".into();
    let companions = keys.iter().map(|key| {
        let labels = json!({"podrules.io/task-id": key, "podrules.io/lifetime": "task"});
        let metadata = json!({"name": key, "uid": key, "labels": labels, "creationTimestamp": "2000-01-01T00:00:00Z"});
        Companion::read(&url, &json!({"metadata": metadata})).unwrap()
    });
    let (done, handled) = oneshot::channel();
    (Batch { companions: companions.collect(), repairs: Vec::new(), _done: done }, handled)
}

#[tokio::test]
async fn leftover_companions_are_decided_on_one_after_another() {
    let mut steps = Steps::with_launched(&["runs"], &json!({"phase": "Running"}));
    assert_eq!(steps.recorded(Ok(())), "record runs running");
    let (batch, mut handled) = companions(&["runs", "waits", "ended", "unknown", "fails"]);
    steps.controller.job_done(JobResult::CompanionsFound(batch));
    // The companion of a tracked task needs no request.
    for (key, state, repairs) in [
        ("waits", Ok(Some(TaskState::Waiting)), 0),
        ("ended", Ok(Some(TaskState::Ended(End::Completed))), 1),
        ("unknown", Ok(None), 2),
    ] {
        assert_eq!(steps.requests(), [format!("state {key}")]);
        steps.answer(Answer::State(key.into(), Purpose::Collect, state));
        assert_eq!(steps.controller.batch.as_ref().unwrap().repairs.len(), repairs, "{key}");
    }
    assert_eq!((steps.requests(), steps.jobs()), (vec!["state fails".to_owned()], 0));
    assert!(handled.try_recv() == Err(oneshot::error::TryRecvError::Empty));
    steps.answer(Answer::State("fails".into(), Purpose::Collect, fault()));
    // Where the request failed, the companion is kept; one job removes the others.
    assert!(steps.controller.batch.is_none());
    assert_eq!(steps.jobs(), 1);
}

#[tokio::test]
async fn more_requests_than_the_channel_holds_wait_in_order() {
    let ids: Vec<String> = (0..300).map(|number| format!("t{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut steps = Steps::new();
    steps.observe(WatchEvent::ListStarted(0));
    for id in &ids {
        steps.observe(applied(id, json!({"phase": "Running"})));
    }
    steps.observe(WatchEvent::ListDone(0));
    let mut asked = Vec::new();
    while let Ok(request) = steps.requests.try_recv() {
        asked.push(text(&request));
        steps.controller.source.flush();
    }
    assert_eq!(asked.len(), ids.len() + 1);
    assert_eq!(asked[0], "launched");
}

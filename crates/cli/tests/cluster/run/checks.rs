//! What must hold in the end, whatever happens in between: no task lost, none launched twice, nothing left behind.

use super::super::harness::Place;
use super::agent::Agent;
use super::witness::Witness;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

/// Companions of each lifetime for each task, Pods that finish at once, and commands that each write a line.
pub const RULES: &str = r#"
apiVersion: podrules.io/v1
kind: Rules
rules:
  - name: everything
    companions:
      - lifetime: pod
        manifest:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: "${pod_name}-pod"}
          data: {id: "${task.id}"}
      - lifetime: task
        manifest:
          apiVersion: v1
          kind: Secret
          metadata: {name: "${pod_name}-task"}
          stringData: {id: "${task.id}"}
      - lifetime: keep
        manifest:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: kept}
          data: {a: b}
    do: [addAnnotations: {annotations: {podrules.io/life: ends}}]
"#;

/// An agent with those rules. Each command writes its line first, then takes a while: a kill in between must not repeat it.
pub fn busy(place: &Place) -> Agent<'_> {
    let agent = Agent::new(place).rules(RULES).with(&["--keep-finished", "1s", "--sweep-every", "5s"]);
    let log = agent.path("post-delete");
    let post_delete = format!("echo {{pod_name}} >> {}; sleep 0.05", log.display());
    agent.commands("true", &post_delete)
}

/// Tasks of one queue, and the last status of each that has ended.
#[derive(Default)]
pub struct Tasks {
    pub ids: Vec<String>,
    ended: HashMap<String, String>,
}

pub const QUEUE: &str = "others";

impl Tasks {
    /// Adds this many tasks.
    pub fn add(&mut self, agent: &Agent, count: usize) {
        for _ in 0..count {
            let id = format!("t{:05}", self.ids.len());
            agent.task(QUEUE, &id);
            self.ids.push(id);
        }
    }

    /// How many tasks haven't ended. A final status must not change.
    pub fn left(&mut self, agent: &Agent) -> usize {
        for id in &self.ids {
            let word = agent.word(QUEUE, id);
            match self.ended.get(id) {
                Some(before) => assert_eq!(before, &word, "{id} has ended twice"),
                None if ["completed", "failed", "aborted"].contains(&word.as_str()) => {
                    self.ended.insert(id.clone(), word);
                }
                None => {}
            }
        }
        self.ids.len() - self.ended.len()
    }

    /// The tasks that didn't complete.
    fn lost(&self) -> Vec<String> {
        let lost = |id: &&String| self.ended.get(*id).is_none_or(|word| word != "completed");
        self.ids.iter().filter(lost).cloned().collect()
    }
}

/// Waits for all tasks to end, at most this many seconds without one ending.
pub fn finish(agent: &mut Agent, tasks: &mut Tasks, seconds: u64) {
    let mut before = usize::MAX;
    let mut since = std::time::Instant::now();
    loop {
        let left = tasks.left(agent);
        if left == 0 {
            return;
        }
        if left < before {
            before = left;
            since = std::time::Instant::now();
        }
        let examples: Vec<_> = tasks.ids.iter().filter(|id| !tasks.ended.contains_key(*id)).take(3).collect();
        assert!(
            since.elapsed().as_secs() < seconds,
            "{left} tasks don't end: {examples:?}, {}",
            agent.status(QUEUE, examples[0])
        );
        agent.must_live();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Objects of tasks that still exist, except those to keep.
fn left_behind(place: &Place) -> Vec<String> {
    let mut left = Vec::new();
    for kind in ["pods", "configmaps", "secrets"] {
        let list = place.get(&place.core(&format!("{kind}?labelSelector=podrules.io%2Ftask-id"))).unwrap();
        for item in list["items"].as_array().unwrap() {
            let meta = &item["metadata"];
            if meta["labels"]["podrules.io/lifetime"] != "keep" {
                left.push(format!("{kind}/{}", meta["name"].as_str().unwrap_or_default()));
            }
        }
    }
    left
}

/// Prints the result in one line, and fails if anything is wrong. All tasks must have ended, and the agent must still be running.
pub fn verdict(agent: &mut Agent, witness: &Witness, tasks: &mut Tasks, what: &str, kills: u64) {
    // Pods are deleted once their time is over, companions by the garbage collector.
    let mut left = left_behind(agent.place);
    for _ in 0..1200 {
        if left.is_empty() {
            break;
        }
        agent.must_live();
        std::thread::sleep(std::time::Duration::from_millis(100));
        left = left_behind(agent.place);
    }
    agent.stop();
    tasks.left(agent);
    let (lost, doubled) = (tasks.lost(), witness.doubled());
    let mut counts: BTreeMap<String, usize> = tasks.ids.iter().map(|id| (format!("clearml-id-{id}"), 0)).collect();
    for name in fs::read_to_string(agent.path("post-delete")).unwrap_or_default().lines() {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    let never = counts.values().filter(|count| **count == 0).count();
    let often = counts.values().filter(|count| **count > 1).count();
    let unseen = tasks.ids.iter().filter(|id| !witness.seen().pods.contains_key(*id)).count();
    let post_delete = if never + often == 0 { "once".to_owned() } else { format!("never:{never},twice:{often}") };
    // Not println!, which shows only if the test fails.
    let _ = writeln!(
        std::io::stdout(),
        "{what}: tasks={} kills={kills} lost={} doubled={} orphaned={} post-delete={post_delete}",
        tasks.ids.len(),
        lost.len(),
        doubled.len(),
        left.len(),
    );
    let mut wrong = String::new();
    for (what, names) in [("lost", lost), ("doubled", doubled), ("orphaned", left)] {
        if !names.is_empty() {
            let _ = writeln!(wrong, "{what}: {:?}", &names[..names.len().min(10)]);
        }
    }
    let odd: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).take(10).collect();
    if !odd.is_empty() {
        let _ = writeln!(wrong, "post-delete: {odd:?}");
    }
    let blinks = witness.seen().blinks;
    if blinks > 0 {
        let _ = writeln!(std::io::stdout(), "{what}: the witness may have missed Pods, {blinks} times");
    }
    assert!(wrong.is_empty() && unseen == 0, "{what}: {unseen} tasks without a Pod\n{wrong}");
    let kept = agent.place.get(&agent.place.core("configmaps/kept")).map(|map| map["metadata"]["labels"].clone());
    assert!(kept.is_ok_and(|labels: Value| labels["podrules.io/lifetime"] == "keep"), "the companion to keep is gone");
}

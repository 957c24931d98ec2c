//! The loop: what watches tell and what jobs have done, one after another, on one task. It decides; jobs do.
//!
//! ```text
//! tracked   what is known of one task
//! sights    what the watches tell → what is known
//! settle    what is known of one task → the next thing to do for it
//! jobs      that thing, done beside the loop
//! fill      room for further tasks → launches
//! sweep     companions that nobody needs any more
//! ```

mod fill;
mod jobs;
mod settle;
mod sights;
mod sweep;
mod tracked;

use super::events::Notice;
use super::follow::{Scope, Sight, follow};
use super::launch::Launcher;
use super::lease::Standing;
use super::serve::Health;
use super::source::{SourceFault, TaskSource};
use super::unit::{Condition, Unit};
use jobs::Done;
use podrules::diagnostic::render::printable_line;
use podrules_worker::command::Once;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracked::Tracked;

/// How often is looked at what time alone changes.
const TICK: Duration = Duration::from_millis(250);
/// For how long requests may fail before it counts.
const UNANSWERED: Duration = Duration::from_secs(10);
/// Sights and results that are taken in one go.
const BATCH: usize = 256;

/// How the agent is to work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is watched.
    pub scope: Scope,
    /// Launches under way at once.
    pub concurrency: usize,
    /// Pods that have not ended, in all.
    pub most: Option<usize>,
    /// Pods that have not ended, of one queue.
    pub most_each: Option<usize>,
    /// How long a Pod that has ended is kept.
    pub keep: Duration,
    /// Reasons of waiting Pods for which their task fails at once.
    pub hopeless: Vec<String>,
    /// How often companions that nobody needs are looked for; none that is younger is touched.
    pub sweep: Duration,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// It was asked to stop.
    Stopped,
    /// Another replica leads.
    Lost,
}

/// The loop's state.
pub struct Control<S> {
    settings: Settings,
    launcher: Arc<Launcher>,
    source: S,
    once: Arc<Once>,
    health: Health,
    notices: mpsc::Sender<Notice>,
    /// Every task that is followed, by its key.
    tracked: HashMap<SmolStr, Tracked>,
    /// Pods that have the name of one that has gone, and of which something is left to do.
    later: HashMap<SmolStr, Unit>,
    /// How the Pods of Jobs stand, by their tasks' keys.
    inners: HashMap<SmolStr, (SmolStr, Condition)>,
    /// Lists that are being told: since when, and the uids so far.
    lists: HashMap<usize, (Instant, HashSet<SmolStr>)>,
    /// The watches whose list is whole.
    synced: HashSet<usize>,
    /// Why the cluster can't be followed now.
    trouble: Option<String>,
    /// Why the source doesn't answer now, by what it was asked.
    faults: BTreeMap<&'static str, String>,
    /// Tasks to settle as soon as may be.
    due: HashSet<SmolStr>,
    jobs: JoinSet<()>,
    done: mpsc::Sender<Done>,
    /// Launches under way.
    launching: usize,
    /// Whether the source may have more tasks.
    hungry: bool,
    stopping: bool,
    swept: Option<Instant>,
    sweeping: bool,
    looked_for_lost: bool,
    counted: Option<Instant>,
}

impl<S: TaskSource> Control<S> {
    /// A loop that follows nothing yet.
    pub fn new(
        settings: Settings,
        launcher: Arc<Launcher>,
        source: S,
        once: Arc<Once>,
        health: Health,
        notices: mpsc::Sender<Notice>,
    ) -> (Self, mpsc::Receiver<Done>) {
        let (done, results) = mpsc::channel(1_024);
        let control = Control {
            settings,
            launcher,
            source,
            once,
            health,
            notices,
            tracked: HashMap::new(),
            later: HashMap::new(),
            inners: HashMap::new(),
            lists: HashMap::new(),
            synced: HashSet::new(),
            trouble: None,
            faults: BTreeMap::new(),
            due: HashSet::new(),
            jobs: JoinSet::new(),
            done,
            launching: 0,
            hungry: true,
            stopping: false,
            swept: None,
            sweeping: false,
            looked_for_lost: false,
            counted: None,
        };
        (control, results)
    }

    /// Works until it is asked to stop, or doesn't lead any more.
    pub async fn run(
        mut self,
        mut results: mpsc::Receiver<Done>,
        mut standing: watch::Receiver<Standing>,
        mut stop: watch::Receiver<bool>,
    ) -> Left {
        let (sender, mut sights) = mpsc::channel::<Sight>(BATCH);
        let mut watches = JoinSet::new();
        follow(self.launcher.cluster.client(), &self.settings.scope, &sender, &mut watches);
        drop(sender);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(done) = results.recv() => {
                    self.finished(done).await;
                    for _ in 0..BATCH {
                        let Ok(done) = results.try_recv() else { break };
                        self.finished(done).await;
                    }
                }
                Some(sight) = sights.recv() => {
                    self.sight(sight).await;
                    for _ in 0..BATCH {
                        let Ok(sight) = sights.try_recv() else { break };
                        self.sight(sight).await;
                    }
                }
                _ = tick.tick() => self.tick().await,
                Ok(()) = standing.changed() => {}
                Ok(()) = stop.changed(), if !self.stopping => {}
            }
            self.health.beat();
            if !standing.borrow().leads() {
                return Left::Lost;
            }
            if *stop.borrow() && !self.stopping {
                tracing::info!(under_way = self.jobs.len(), "stopping: nothing new is begun");
                self.stopping = true;
            }
            self.settle_due().await;
            self.fill().await;
            while self.jobs.try_join_next().is_some() {}
            if self.stopping && self.jobs.is_empty() && results.is_empty() {
                return Left::Stopped;
            }
        }
    }

    /// What time alone changes.
    async fn tick(&mut self) {
        self.hungry = true;
        let now = Instant::now();
        for (key, tracked) in &self.tracked {
            let to_delete = tracked.delete_at.is_some_and(|at| at <= now) && !tracked.deleted && !tracked.gone;
            let leaves = tracked.unit.as_ref().is_some_and(|unit| unit.held && unit.deleting.is_some());
            let again = tracked.not_before.is_some_and(|at| at <= now);
            if !tracked.busy && (to_delete || leaves || again || tracked.gone) {
                self.due.insert(key.clone());
            }
        }
        self.drop_unwanted().await;
        self.sweep_if_due();
        self.count(now);
        self.health.ready(self.why_not_ready());
    }

    /// Whether everything there is has been told.
    fn is_synced(&self) -> bool {
        self.synced.len() >= self.settings.scope.watches()
    }

    fn why_not_ready(&self) -> Option<String> {
        let failing = self.launcher.cluster.failing().filter(|(time, _)| *time > UNANSWERED);
        if let Some((time, why)) = failing {
            return Some(format!("the cluster has answered nothing for {} s: {why}", time.as_secs()));
        }
        match (&self.trouble, self.faults.values().next()) {
            (Some(why), _) => Some(format!("the cluster can't be followed: {why}")),
            (None, Some(why)) => Some(format!("tasks can't be read or written: {why}")),
            (None, None) if !self.is_synced() => Some("the list of Pods is not whole yet".to_owned()),
            (None, None) if self.stopping => Some("it is stopping".to_owned()),
            (None, None) => None,
        }
    }

    /// Notes whether the source answers what it was asked, and tells of a change.
    fn note<T>(&mut self, asked: &'static str, answer: Result<T, SourceFault>) -> Option<T> {
        match answer {
            Ok(value) => {
                if self.faults.remove(asked).is_some() {
                    tracing::info!(asked, "the tasks' source answers again");
                }
                Some(value)
            }
            Err(SourceFault(why)) => {
                self.launcher.metrics.source_faults();
                if self.faults.get(asked) != Some(&why) {
                    tracing::error!(asked, "the tasks' source: {}", printable_line(&why));
                }
                self.faults.insert(asked, why);
                None
            }
        }
    }

    /// Figures of what is there.
    fn count(&mut self, now: Instant) {
        if self.counted.is_some_and(|at| now.duration_since(at) < Duration::from_secs(2)) {
            return;
        }
        self.counted = Some(now);
        let mut counts: HashMap<(String, &'static str), u64> = HashMap::new();
        for tracked in self.tracked.values().filter(|tracked| !tracked.gone) {
            if let Some(condition) = tracked.condition() {
                *counts.entry((tracked.queue.to_string(), condition.word())).or_default() += 1;
            }
        }
        self.launcher.metrics.pods(&counts);
        self.launcher.metrics.waiting(&self.source.waiting());
    }
}

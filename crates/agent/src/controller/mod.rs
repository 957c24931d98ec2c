//! The controller: a loop that takes watch events, results of jobs and answers of the task source, one after another, and decides
//! on the next step for one task. It waits for nothing else: jobs and the source work beside it.
//!
//! ```text
//! tracked     what is known about one task
//! companion   a companion found in the cluster
//! jobs        what is done beside the loop
//! observe     watch events → what is known
//! answers     answers of the task source → what is known
//! reconcile   what is known about a task → the next step for it
//! dispatch    tasks from the source → launches
//! collect     garbage collection of companions
//! ```

mod answers;
mod collect;
mod companion;
mod dispatch;
mod jobs;
mod observe;
mod reconcile;
#[cfg(test)]
mod tests;
mod tracked;

use super::events::Notice;
use super::launch::Launcher;
use super::lease::Standing;
use super::serve::Health;
use super::task_source::service::{Answer, SourceClient};
use super::watch::{self as watches, Scope, WatchEvent};
use super::workload::{Workload, state_label};
use jobs::{Batch, JobResult};
use podrules_cluster::PodState;
use podrules_worker::command::Once;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracked::Tracked;

/// How often the loop looks for what becomes due by time alone.
const TICK: Duration = Duration::from_millis(250);
/// How often the gauges are updated.
const COUNT: Duration = Duration::from_secs(2);
/// For how long requests to the API server may fail before readiness says so.
const UNANSWERED: Duration = Duration::from_secs(10);
/// Events, results or answers that are taken in one go.
const BATCH: usize = 256;

/// The agent's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is watched.
    pub scope: Scope,
    /// Launches that may be at the cluster at once.
    pub concurrency: usize,
    /// Pods that have not terminated, in total; no limit if `None`.
    pub max_pods: Option<usize>,
    /// Pods that have not terminated, per queue; no limit if `None`.
    pub max_pods_per_queue: Option<usize>,
    /// How long a finished Pod is kept.
    pub keep_finished: Duration,
    /// Reasons of waiting Pods for which their task fails at once.
    pub unrecoverable: Vec<String>,
    /// How often companions are garbage-collected; only older ones are removed.
    pub collect_every: Duration,
}

/// Why the loop ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to stop.
    Stopped,
    /// This replica lost the lease.
    LeaseLost,
    /// The task source ended unexpectedly.
    SourceEnded,
}

/// The channels that the loop reads beside the watches.
pub struct Inputs {
    /// Results of jobs.
    pub results: mpsc::Receiver<JobResult>,
    /// Answers of the task source.
    pub answers: mpsc::Receiver<Answer>,
    /// Whether this replica is the leader.
    pub standing: watch::Receiver<Standing>,
    /// Whether the agent is asked to stop.
    pub stop: watch::Receiver<bool>,
}

/// The loop's state.
pub struct Controller {
    settings: Settings,
    launcher: Arc<Launcher>,
    source: SourceClient,
    once: Arc<Once>,
    health: Health,
    notices: mpsc::Sender<Notice>,
    /// The tasks that were dispatched or have a Pod, by key.
    tracked: HashMap<SmolStr, Tracked>,
    /// Workloads with the name of a deleted one for which something is left to do, by key.
    successors: HashMap<SmolStr, Workload>,
    /// Uid and state of the Pods of Jobs, by the task's key.
    job_pods: HashMap<SmolStr, (SmolStr, PodState)>,
    /// Lists under way: when each began, and the uids so far.
    lists: HashMap<usize, (Instant, HashSet<SmolStr>)>,
    /// The watches whose first list is complete.
    listed: HashSet<usize>,
    /// Why a watch fails now.
    watch_failure: Option<String>,
    /// Why the source fails now, by what it was asked for.
    source_faults: BTreeMap<&'static str, String>,
    /// Keys of tasks to reconcile.
    due: HashSet<SmolStr>,
    jobs: JoinSet<()>,
    results: mpsc::Sender<JobResult>,
    /// Launches under way.
    launching: usize,
    /// Tasks that the source was asked for.
    requested: usize,
    /// Whether the source may have more tasks.
    source_has_more: bool,
    stopping: bool,
    last_collection: Option<Instant>,
    collecting: bool,
    /// Companions to decide on.
    batch: Option<Batch>,
    /// Whether launched tasks without a Pod were looked for.
    found_lost: bool,
    last_count: Option<Instant>,
}

impl Controller {
    /// A loop that knows nothing yet, and the channel on which its jobs send their results.
    pub fn new(
        settings: Settings,
        launcher: Arc<Launcher>,
        source: SourceClient,
        once: Arc<Once>,
        health: Health,
        notices: mpsc::Sender<Notice>,
    ) -> (Self, mpsc::Receiver<JobResult>) {
        let (results, received) = mpsc::channel(1_024);
        let controller = Controller {
            settings,
            launcher,
            source,
            once,
            health,
            notices,
            tracked: HashMap::new(),
            successors: HashMap::new(),
            job_pods: HashMap::new(),
            lists: HashMap::new(),
            listed: HashSet::new(),
            watch_failure: None,
            source_faults: BTreeMap::new(),
            due: HashSet::new(),
            jobs: JoinSet::new(),
            results,
            launching: 0,
            requested: 0,
            source_has_more: true,
            stopping: false,
            last_collection: None,
            collecting: false,
            batch: None,
            found_lost: false,
            last_count: None,
        };
        (controller, received)
    }

    /// Works until it is asked to stop, or loses the lease. On a stop all records are written before it returns; otherwise at most
    /// the call of the source that is under way is waited for.
    pub async fn run(self, inputs: Inputs) -> Exit {
        let (sender, events) = mpsc::channel(BATCH);
        let mut running = JoinSet::new();
        watches::start(self.launcher.cluster.client(), &self.settings.scope, &sender, &mut running);
        drop(sender);
        self.run_with(inputs, events).await
    }

    /// Works with these watch events.
    async fn run_with(mut self, inputs: Inputs, events: mpsc::Receiver<WatchEvent>) -> Exit {
        let exit = self.work(inputs, events).await;
        let Controller { source, jobs, .. } = self;
        drop(jobs);
        match exit {
            Exit::Stopped => source.finish().await,
            Exit::LeaseLost | Exit::SourceEnded => source.abandon().await,
        }
        exit
    }

    async fn work(&mut self, inputs: Inputs, mut events: mpsc::Receiver<WatchEvent>) -> Exit {
        let Inputs { mut results, mut answers, mut standing, mut stop } = inputs;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut source_ended = false;
            tokio::select! {
                Some(result) = results.recv() => {
                    self.job_done(result);
                    batch(&mut results, |result| self.job_done(result));
                }
                answer = answers.recv() => match answer {
                    Some(answer) => {
                        self.answered(answer);
                        batch(&mut answers, |answer| self.answered(answer));
                    }
                    None => source_ended = true,
                },
                Some(event) = events.recv(), if !self.stopping => {
                    self.observe(event);
                    batch(&mut events, |event| self.observe(event));
                }
                _ = tick.tick() => self.tick(),
                Ok(()) = standing.changed() => {}
                Ok(()) = stop.changed(), if !self.stopping => {}
            }
            self.health.beat();
            if !standing.borrow().is_leader() {
                return Exit::LeaseLost;
            }
            if source_ended {
                return Exit::SourceEnded;
            }
            if *stop.borrow() && !self.stopping {
                tracing::info!(in_progress = self.jobs.len(), "stopping");
                self.stopping = true;
                // The job that sent it goes on to its end.
                self.batch = None;
            }
            self.reconcile_due();
            self.dispatch();
            while self.jobs.try_join_next().is_some() {}
            let idle = self.jobs.is_empty() && results.is_empty() && answers.is_empty() && self.source.is_idle();
            if self.stopping && idle {
                return Exit::Stopped;
            }
        }
    }

    /// Does what becomes due by time alone.
    fn tick(&mut self) {
        self.source_has_more = true;
        let now = Instant::now();
        for (key, tracked) in &self.tracked {
            let to_delete = tracked.delete_at.is_some_and(|at| at <= now) && !tracked.delete_requested;
            let finalizing = |workload: &Workload| workload.has_finalizer && workload.deletion.is_some();
            let finalizing = tracked.workload.as_ref().is_some_and(finalizing);
            let retry = tracked.not_before.is_some_and(|at| at <= now);
            if !tracked.busy && (to_delete || finalizing || retry || tracked.deleted) {
                self.due.insert(key.clone());
            }
        }
        self.source.flush();
        self.find_lost();
        self.ask_withdrawn();
        self.collect_if_due();
        self.count(now);
        self.health.ready(self.why_not_ready());
    }

    /// Whether the first list of each watch is complete.
    fn is_listed(&self) -> bool {
        self.listed.len() >= self.settings.scope.watches()
    }

    fn why_not_ready(&self) -> Option<String> {
        let failing = self.launcher.cluster.failing().filter(|(time, _)| *time > UNANSWERED);
        if let Some((time, why)) = failing {
            return Some(format!("no response from the cluster for {} s: {why}", time.as_secs()));
        }
        if let Some(why) = &self.watch_failure {
            return Some(format!("watch failing: {why}"));
        }
        if let Some(why) = self.source_faults.values().next() {
            return Some(format!("task source failing: {why}"));
        }
        if let Some(silence) = self.source_silence() {
            return Some(format!("no answer from the task source for {} s", silence.as_secs()));
        }
        if !self.is_listed() {
            return Some("the initial list of Pods is not complete".to_owned());
        }
        self.stopping.then(|| "stopping".to_owned())
    }

    /// Updates the gauge of Pods.
    fn count(&mut self, now: Instant) {
        if self.last_count.is_some_and(|at| now.duration_since(at) < COUNT) {
            return;
        }
        self.last_count = Some(now);
        let mut counts: HashMap<(String, &'static str), u64> = HashMap::new();
        for tracked in self.tracked.values().filter(|tracked| !tracked.deleted) {
            if let Some(state) = tracked.pod_state() {
                *counts.entry((tracked.queue.to_string(), state_label(&state))).or_default() += 1;
            }
        }
        self.launcher.metrics.pods(&counts);
    }
}

/// Takes what has come meanwhile, up to a limit.
fn batch<T>(channel: &mut mpsc::Receiver<T>, mut take: impl FnMut(T)) {
    for _ in 0..BATCH {
        let Ok(value) = channel.try_recv() else { return };
        take(value);
    }
}

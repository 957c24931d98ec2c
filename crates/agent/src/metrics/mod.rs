//! The agent's metrics, for Prometheus. docs/metrics.md lists them.
//!
//! ```text
//! names     bounded label values and series
//! table     gauges whose series are replaced together
//! process   memory, files and processor time of this process
//! ```

mod names;
mod process;
mod table;
#[cfg(test)]
mod tests;

use names::{Names, OTHER, Series};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::sync::Arc;
use table::Table;

/// Queues, and likewise rules, with a label value of their own.
const MAX_NAMES: usize = 1_000;
/// Other words, such as error codes, with a label value of their own.
const MAX_WORDS: usize = 200;
/// A histogram's upper bounds, in seconds.
const BUCKETS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    queues: Names,
    rules: Names,
    words: Names,
    launch: Series<Histogram, 1>,
    launch_failures: Series<Counter, 2>,
    rule: Series<Counter, 2>,
    hook: Histogram,
    command: Series<Histogram, 2>,
    api: Series<Counter, 2>,
    ended: Series<Counter, 2>,
    pods: Table<2>,
    waiting: Table<1>,
    leader: Gauge,
    events_dropped: Counter,
    source_faults: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let launch = Series::new(["queue"], histogram);
        let launch_failures = Series::new(["queue", "code"], Counter::default);
        let rule = Series::new(["rule", "result"], Counter::default);
        let hook = histogram();
        let command = Series::new(["command", "result"], histogram);
        let api = Series::new(["method", "code"], Counter::default);
        let ended = Series::new(["queue", "end"], Counter::default);
        let pods = Table::new("podrules_pods", "Pods of tasks in the cluster");
        let waiting = Table::new("podrules_tasks_waiting", "Tasks that wait to be launched");
        let leader = Gauge::default();
        let (events_dropped, source_faults) = (Counter::default(), Counter::default());

        let help = "Time from seeing a task to creating its Pod";
        registry.register_with_unit("podrules_launch", help, Unit::Seconds, launch.family.clone());
        registry.register("podrules_launch_failures", "Tasks not launched", launch_failures.family.clone());
        registry.register("podrules_rules", "Rules applied or failed", rule.family.clone());
        registry.register_with_unit("podrules_hook", "Duration of a Python hook", Unit::Seconds, hook.clone());
        let help = "Duration of a command from the values";
        registry.register_with_unit("podrules_command", help, Unit::Seconds, command.family.clone());
        registry.register("podrules_api_requests", "Requests to the API server", api.family.clone());
        registry.register("podrules_tasks_ended", "Tasks that ended", ended.family.clone());
        registry.register_collector(Box::new(pods.clone()));
        registry.register_collector(Box::new(waiting.clone()));
        registry.register("podrules_leader", "Whether this replica is the leader", leader.clone());
        registry.register("podrules_events_dropped", "Events that were not written", events_dropped.clone());
        registry.register("podrules_source_faults", "Failed requests to the task source", source_faults.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("podrules_build", "Version of podrules", build);
        registry.register_collector(Box::new(process::Process));

        Metrics(Arc::new(Inner {
            registry,
            queues: Names::new(MAX_NAMES),
            rules: Names::new(MAX_NAMES),
            words: Names::new(MAX_WORDS),
            launch,
            launch_failures,
            rule,
            hook,
            command,
            api,
            ended,
            pods,
            waiting,
            leader,
            events_dropped,
            source_faults,
        }))
    }

    /// Counts a launch, by the seconds since the task was seen.
    pub fn launched(&self, queue: &str, seconds: f64) {
        self.0.launch.with([self.0.queues.of(queue)], |launch| launch.observe(sane(seconds)));
    }

    /// Counts a failed launch, by its error code.
    pub fn launch_failed(&self, queue: &str, code: &str) {
        count(&self.0.launch_failures, [self.0.queues.of(queue), self.0.words.of(code)]);
    }

    /// Counts a rule that was applied, or failed.
    pub fn rule(&self, rule: &str, applied: bool) {
        let result = if applied { "applied" } else { "failed" };
        count(&self.0.rule, [self.0.rules.of(rule), result.to_owned()]);
    }

    /// Counts a call of a hook, by its seconds.
    pub fn hook(&self, seconds: f64) {
        self.0.hook.observe(sane(seconds));
    }

    /// Counts a run of a command, `pre-apply` or `post-delete`, by its seconds.
    pub fn command(&self, command: &str, ok: bool, seconds: f64) {
        let result = if ok { "ok" } else { "failed" };
        let labels = [self.0.words.of(command), result.to_owned()];
        self.0.command.with(labels, |command| command.observe(sane(seconds)));
    }

    /// Counts a request to the API server, by its response code; 0 if there was no response.
    pub fn api(&self, method: &str, code: u16) {
        let code = match code {
            0 => "error".to_owned(),
            100..=599 => code.to_string(),
            _ => OTHER.to_owned(),
        };
        count(&self.0.api, [self.0.words.of(method), code]);
    }

    /// Counts a task that ended: `completed`, `failed` or `aborted`.
    pub fn ended(&self, queue: &str, end: &str) {
        count(&self.0.ended, [self.0.queues.of(queue), self.0.words.of(end)]);
    }

    /// Sets the numbers of Pods, by queue and state. Other series vanish.
    pub fn pods(&self, counts: &HashMap<(String, &'static str), u64>) {
        let queues = &self.0.queues;
        self.0.pods.replace(counts.iter().map(|((queue, state), count)| {
            let labels = [("queue", queues.of(queue)), ("state", (*state).to_owned())];
            (labels, *count)
        }));
    }

    /// Sets the numbers of waiting tasks, by queue. Other series vanish.
    pub fn waiting(&self, counts: &HashMap<String, usize>) {
        let queues = &self.0.queues;
        self.0.waiting.replace(counts.iter().map(|(queue, count)| ([("queue", queues.of(queue))], *count as u64)));
    }

    /// Sets whether this replica is the leader.
    pub fn leader(&self, is_leader: bool) {
        self.0.leader.set(i64::from(is_leader));
    }

    /// Counts an Event that wasn't written.
    pub fn events_dropped(&self) {
        self.0.events_dropped.inc();
    }

    /// Counts a failed request to the task source.
    pub fn source_faults(&self) {
        self.0.source_faults.inc();
    }

    /// All metrics, as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if text::encode(&mut text, &self.0.registry).is_err() {
            // Writing to a string can't fail. If it does, no metrics are better than half of them.
            "# EOF\n".clone_into(&mut text);
        }
        text
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

fn count<const N: usize>(series: &Series<Counter, N>, values: [String; N]) {
    series.with(values, |counter| {
        counter.inc();
    });
}

/// A value that can be added up: a NaN would spoil the sum forever.
fn sane(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }
}

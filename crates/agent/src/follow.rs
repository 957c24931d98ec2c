//! The watch over what is ours: one for each namespace, or one over all. It goes on through everything: a watch that is cut off
//! goes on where it was, one whose place is forgotten (410) starts anew with a list.

use super::unit::{Kind, Seen, Unit};
use futures_util::StreamExt;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, ExponentialBackoff, watcher};
use podrules_cluster::{AGENT_LABEL, TASK_LABEL};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Seconds after which the server ends a watch, so that silence never lasts: the next goes on at once.
const ROUND: u32 = 30;
/// How often all that is there is listed anew: what a watch has missed, for whatever reason, is known then.
const ANEW: Duration = Duration::from_secs(10 * 60);
/// Objects of one page of a list.
const PAGE: u32 = 100;

/// What is watched.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The namespaces; none stands for all.
    pub namespaces: Vec<String>,
    /// The value of the label `CLEARML`, by which what is ours is known.
    pub agent: String,
    /// Pods, or Jobs too.
    pub kinds: Vec<Kind>,
}

impl Scope {
    /// Whether a namespace is watched.
    pub fn holds(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|own| own == namespace)
    }

    /// The label selector of what is ours.
    pub fn selector(&self) -> String {
        format!("{AGENT_LABEL}={},{TASK_LABEL}", self.agent)
    }

    /// How many watches there are.
    pub fn watches(&self) -> usize {
        self.namespaces.len().max(1) * self.kinds.len()
    }
}

/// What a watch tells, with its number.
#[derive(Debug)]
pub enum Sight {
    /// All that follows until the end of the list is all there is.
    ListBegins(usize),
    /// It is there, as told.
    There(usize, Box<Unit>),
    /// It has gone.
    Gone(Box<Unit>),
    /// The list is whole.
    ListEnds(usize),
    /// It doesn't go on now; it is tried again.
    Trouble(String),
}

/// Starts the watches. They end when the receiver has gone, or with the set of tasks.
pub fn follow(client: &kube::Client, scope: &Scope, sights: &Sender<Sight>, tasks: &mut tokio::task::JoinSet<()>) {
    let namespaces = scope.namespaces.iter().map(Some);
    let places: Vec<Option<&String>> = if scope.namespaces.is_empty() { vec![None] } else { namespaces.collect() };
    let all = scope.kinds.iter().flat_map(|kind| places.iter().map(move |place| (*kind, *place)));
    for (number, (kind, namespace)) in all.enumerate() {
        let api: Api<Seen> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
            None => Api::all_with(client.clone(), &kind),
        };
        let config = watcher::Config::default().labels(&scope.selector()).timeout(ROUND).page_size(PAGE);
        tasks.spawn(one(api, kind, config, number, sights.clone()));
    }
}

async fn one(api: Api<Seen>, kind: Kind, config: watcher::Config, number: usize, sights: Sender<Sight>) {
    while once(&api, kind, &config, number, &sights).await {}
}

/// From a list on, until it is time for the next; false when nobody listens any more.
async fn once(api: &Api<Seen>, kind: Kind, config: &watcher::Config, number: usize, sights: &Sender<Sight>) -> bool {
    let pauses = backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times();
    let stream = watcher(api.clone(), config.clone()).backoff(ExponentialBackoff::from(pauses));
    let mut stream = std::pin::pin!(stream);
    let anew = tokio::time::Instant::now() + ANEW;
    while let Ok(Some(event)) = tokio::time::timeout_at(anew, stream.next()).await {
        let sight = match event {
            Ok(Event::Init) => Sight::ListBegins(number),
            Ok(Event::InitDone) => Sight::ListEnds(number),
            Ok(Event::Apply(seen) | Event::InitApply(seen)) => match seen.unit(kind) {
                Some(unit) => Sight::There(number, Box::new(unit)),
                None => continue,
            },
            Ok(Event::Delete(seen)) => match seen.unit(kind) {
                Some(unit) => Sight::Gone(Box::new(unit)),
                None => continue,
            },
            Err(error) => Sight::Trouble(podrules_cluster::chain(&error)),
        };
        if sights.send(sight).await.is_err() {
            return false;
        }
    }
    true
}

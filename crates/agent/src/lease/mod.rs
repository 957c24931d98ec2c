//! Leader election: of several replicas, the one whose name is in a Lease of the cluster is the leader.
//!
//! The leader renews the Lease every few seconds, and gives up when it couldn't for the renew deadline. Another replica takes over
//! once it has seen the same record for the longer lease duration. Each measures on its own monotonic clock, so clocks needn't
//! agree; but a clock that stands still while a machine is suspended hides that time from its process.
//!
//! ```text
//! record   the content of a Lease and what follows from it: no requests, no clocks
//! keeper   rounds of requests, and until when this replica is the leader
//! ```

mod keeper;
mod record;
#[cfg(test)]
mod tests;

use keeper::Keeper;
use podrules::diagnostic::render::printable_line;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The Lease, who takes part, and the times.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease, the same for all replicas.
    pub name: String,
    /// The identity of this process in the Lease. It must be unique: two processes with one identity would both be leaders. If
    /// empty, a random one is used.
    pub identity: String,
    /// How long a record must stay unchanged before another replica takes over; whole seconds.
    pub duration: Duration,
    /// How long after the last renewal this replica is still the leader; at most two thirds of `duration`.
    pub deadline: Duration,
    /// The pause between two rounds.
    pub retry: Duration,
}

impl Settings {
    /// Settings with the usual times: 15, 10 and 2 seconds.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Settings {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }

    /// These settings with safe times, and an identity.
    fn sane(mut self) -> Self {
        let seconds = self.duration.as_secs().clamp(1, 3_600);
        self.duration = Duration::from_secs(seconds);
        self.deadline = self.deadline.clamp(Duration::from_millis(10), self.duration * 2 / 3);
        self.retry = self.retry.clamp(Duration::from_millis(1), self.deadline / 2);
        if self.identity.is_empty() {
            self.identity = format!("podrules-{:016x}", random());
        }
        self
    }
}

/// Whether this replica is the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It isn't.
    Follower {
        /// The identity in the Lease, if known; untrusted text.
        leader: Option<String>,
        /// The last error, on one line.
        why_not: Option<String>,
    },
    /// It is.
    Leader {
        /// Until when, if the Lease isn't renewed before. What only the leader may do must have ended by then.
        until: Instant,
    },
}

impl Standing {
    /// Whether this replica is the leader now. A process that was frozen sees that its time is over.
    pub fn is_leader(&self) -> bool {
        matches!(self, Standing::Leader { until } if Instant::now() < *until)
    }
}

/// Takes part in the election until `stop` says true, its sender is dropped, or the receiver of the standing is. Then the Lease is
/// released, so that another replica can take over at once: stop only when the leader's work has ended.
///
/// The standing changes with each renewal. Must be called in a runtime whose threads are never blocked for seconds.
pub fn hold(
    client: kube::Client,
    settings: Settings,
    stop: watch::Receiver<bool>,
) -> (watch::Receiver<Standing>, JoinHandle<()>) {
    let keeper = Keeper::new(client, settings.sane(), Instant::now);
    let (sender, receiver) = watch::channel(keeper.standing());
    (receiver, tokio::spawn(run(keeper, sender, stop)))
}

async fn run<N: Fn() -> Instant>(
    mut keeper: Keeper<N>,
    sender: watch::Sender<Standing>,
    mut stop: watch::Receiver<bool>,
) {
    let mut log = Log::default();
    let mut publish = |keeper: &Keeper<N>, resigned: bool| {
        let standing = keeper.standing();
        log.resigned = resigned;
        log.update(&standing, keeper.fault());
        sender.send_if_modified(|last| {
            let changed = *last != standing;
            *last = standing;
            changed
        });
    };
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop, &sender) => break,
            () = keeper.round() => {}
        }
        publish(&keeper, false);
        let pause = keeper.pause(random());
        tokio::select! {
            biased;
            () = stopped(&mut stop, &sender) => break,
            () = tokio::time::sleep(pause) => {}
        }
        // The time as leader may be over, and the next request may be slow.
        publish(&keeper, false);
    }
    // First this process stops being the leader, then another may become it.
    keeper.resign();
    publish(&keeper, true);
    keeper.release().await;
}

/// Waits until the election is to end.
async fn stopped(stop: &mut watch::Receiver<bool>, sender: &watch::Sender<Standing>) {
    tokio::select! {
        // An error means that the sender was dropped.
        _ = stop.wait_for(|stop| *stop) => {}
        () = sender.closed() => {}
    }
}

/// What was logged last, so that only changes are logged.
#[derive(Default)]
struct Log {
    is_leader: bool,
    /// Whether it stops being the leader because it was asked to stop.
    resigned: bool,
    leader: Option<String>,
    fault: Option<String>,
}

impl Log {
    fn update(&mut self, standing: &Standing, fault: Option<&str>) {
        let is_leader = matches!(standing, Standing::Leader { .. });
        if self.fault.as_deref() != fault {
            match fault {
                Some(why) => tracing::warn!(%why, is_leader, "could not read or write the lease"),
                None => tracing::info!("lease recovered"),
            }
            self.fault = fault.map(str::to_owned);
        }
        match standing {
            Standing::Leader { .. } => {
                if !self.is_leader {
                    tracing::info!("became leader");
                }
                self.leader = None;
            }
            Standing::Follower { leader, .. } => {
                if self.is_leader && !self.resigned {
                    tracing::warn!("lost the lease");
                }
                if *leader != self.leader
                    && let Some(leader) = leader
                {
                    tracing::info!(leader = %printable_line(leader), "another replica is the leader");
                }
                self.leader.clone_from(leader);
            }
        }
        self.is_leader = is_leader;
    }
}

/// A random number, for jitter and identities.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

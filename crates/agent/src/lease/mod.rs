//! Which of several replicas works: the one whose name stands in a Lease of the cluster.
//!
//! A holder renews the Lease every few seconds, and counts itself out when it couldn't for the renew deadline. The others take
//! over once they have seen the same record for the longer lease duration. Each measures on its own clock, which never jumps, so
//! clocks needn't agree; but a clock that stands still while a whole machine is suspended hides that time from its process.
//!
//! ```text
//! record   what a Lease says, and what to do about it: no requests, no clocks
//! keeper   rounds of requests, and until when we lead
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

/// Which Lease, and for whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name. The same for all replicas.
    pub name: String,
    /// Who we are, as it's written into the Lease. It must be of this process alone: two with one identity both lead. If it's
    /// empty, a random one is made.
    pub identity: String,
    /// How long a record must stay unchanged before another takes over; whole seconds.
    pub duration: Duration,
    /// How long after the last renewal we still lead. At most two thirds of `duration` are used.
    pub deadline: Duration,
    /// The pause between two tries.
    pub retry: Duration,
}

impl Settings {
    /// The usual times: 15 seconds, 10, 2.
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

    /// The same with times that are safe, and an identity.
    fn sane(mut self) -> Self {
        let seconds = self.duration.as_secs().clamp(1, 3_600);
        self.duration = Duration::from_secs(seconds);
        self.deadline = self.deadline.clamp(Duration::from_millis(10), self.duration * 2 / 3);
        self.retry = self.retry.clamp(Duration::from_millis(1), self.deadline / 2);
        if self.identity.is_empty() {
            self.identity = format!("podrules-{:016x}", chance());
        }
        self
    }
}

/// Where we stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// We don't lead.
    Follower {
        /// Who stands in the Lease, as far as is known; untrusted text.
        leader: Option<String>,
        /// The last error, one line.
        why_not: Option<String>,
    },
    /// We lead.
    Leader {
        /// Until then, unless it's renewed before. What must be done by a leader only must have ended by then.
        until: Instant,
    },
}

impl Standing {
    /// Whether we lead now: a process that was paused sees that it doesn't any more.
    pub fn leads(&self) -> bool {
        matches!(self, Standing::Leader { until } if Instant::now() < *until)
    }
}

/// Takes part in the election until `stop` says true, its sender is gone, or nobody listens any more. Then the Lease is given
/// back, so that another can take over at once: stop only when the leader's work has ended.
///
/// The standing changes with each renewal. Must be called inside of a runtime whose threads aren't blocked for seconds.
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
    let mut publish = |keeper: &Keeper<N>| {
        let standing = keeper.standing();
        log.tell(&standing, keeper.fault());
        sender.send_if_modified(|last| {
            let changed = *last != standing;
            *last = standing;
            changed
        });
    };
    loop {
        tokio::select! {
            biased;
            () = ended(&mut stop, &sender) => break,
            () = keeper.round() => {}
        }
        publish(&keeper);
        let pause = keeper.pause(chance());
        tokio::select! {
            biased;
            () = ended(&mut stop, &sender) => break,
            () = tokio::time::sleep(pause) => {}
        }
        // It may be over by now, and the next request may take its time.
        publish(&keeper);
    }
    // First nobody here thinks that we lead, then others may.
    keeper.resign();
    publish(&keeper);
    keeper.release().await;
}

/// Waits until there is nothing more to do.
async fn ended(stop: &mut watch::Receiver<bool>, sender: &watch::Sender<Standing>) {
    tokio::select! {
        // An error says that the sender is gone.
        _ = stop.wait_for(|stop| *stop) => {}
        () = sender.closed() => {}
    }
}

/// What was logged last, so that only changes are.
#[derive(Default)]
struct Log {
    leads: bool,
    leader: Option<String>,
    fault: Option<String>,
}

impl Log {
    fn tell(&mut self, standing: &Standing, fault: Option<&str>) {
        let leads = matches!(standing, Standing::Leader { .. });
        if self.fault.as_deref() != fault {
            match fault {
                Some(why) => tracing::warn!(%why, leads, "the lease can't be read or written"),
                None => tracing::info!("the lease can be read and written again"),
            }
            self.fault = fault.map(str::to_owned);
        }
        match standing {
            Standing::Leader { .. } => {
                if !self.leads {
                    tracing::info!("leads");
                }
                self.leader = None;
            }
            Standing::Follower { leader, .. } => {
                if self.leads {
                    tracing::warn!("doesn't lead any more");
                }
                if *leader != self.leader
                    && let Some(leader) = leader
                {
                    tracing::info!(leader = %printable_line(leader), "follows");
                }
                self.leader.clone_from(leader);
            }
        }
        self.leads = leads;
    }
}

/// A random number.
fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

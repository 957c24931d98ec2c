//! Rounds of requests for a Lease, and until when this replica is the leader.

use super::record::{Seen, Step, claim, decide, holder, named, release, see};
use super::{Settings, Standing};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;
use podrules::diagnostic::render::printable_line;
use podrules_cluster::{MANAGER, chain};
use std::time::Duration;
use tokio::time::Instant;

/// How long the release may take: stopping waits for it.
const RELEASE: Duration = Duration::from_secs(5);
/// Characters of an error.
const MAX_ERROR: usize = 500;

/// Holds a Lease, or tries to acquire it. `N` is the clock.
pub(super) struct Keeper<N> {
    api: Api<Lease>,
    settings: Settings,
    now: N,
    /// The Lease as last read or written.
    seen: Option<Seen>,
    /// Until when this replica is the leader: the deadline, from the start of the last request that made it the holder.
    until: Option<Instant>,
    /// Whether a write was sent whose result is unknown.
    unsure: bool,
    fault: Option<String>,
}

/// How a request failed.
enum Fault {
    /// The server refused it, with this status code.
    Refused(u16, String),
    /// No response, or an unreadable one.
    NoResponse(String),
}

/// The result of a write.
enum Written {
    /// This replica holds the Lease.
    Ours,
    /// The Lease was changed meanwhile.
    Stale,
}

impl<N: Fn() -> Instant> Keeper<N> {
    /// A keeper that knows nothing yet. The settings must be safe ones.
    pub fn new(client: kube::Client, settings: Settings, now: N) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Keeper { api, settings, now, seen: None, until: None, unsure: false, fault: None }
    }

    /// Whether this replica is the leader now.
    pub fn standing(&self) -> Standing {
        match self.until {
            Some(until) if self.is_leader() => Standing::Leader { until },
            _ => {
                let leader = self.seen.as_ref().and_then(|seen| holder(&seen.lease));
                let leader = leader.filter(|leader| *leader != self.settings.identity).map(str::to_owned);
                Standing::Follower { leader, why_not: self.fault.clone() }
            }
        }
    }

    /// Why the last round failed.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The pause before the next round: up to a fifth longer than set, so that replicas spread out, but not longer than this
    /// replica is the leader.
    pub fn pause(&self, random: u64) -> Duration {
        let pause = self.settings.retry + self.settings.retry / 1_280 * (random % 256) as u32;
        match self.until {
            Some(until) if self.is_leader() => pause.min(until.saturating_duration_since((self.now)())),
            _ => pause,
        }
    }

    /// Tries once to acquire or renew the Lease. The future may be dropped at any point.
    pub async fn round(&mut self) {
        self.fault = self.attempt().await.err().map(|fault| {
            let (Fault::Refused(_, why) | Fault::NoResponse(why)) = fault;
            printable_line(&why).chars().take(MAX_ERROR).collect()
        });
    }

    async fn attempt(&mut self) -> Result<(), Fault> {
        let led = self.is_leader();
        if let Some(lease) = self.ours() {
            let lease = claim(lease.clone(), &self.settings.identity, self.settings.duration, Timestamp::now());
            if let Written::Ours = self.write(lease, led).await? {
                return Ok(());
            }
        }
        self.look(led).await?;
        let Settings { identity, duration, .. } = &self.settings;
        let ours = self.ours().is_some();
        if !ours {
            // Another replica holds it, or nobody does.
            self.until = None;
        }
        match decide(self.seen.as_ref(), identity, *duration, (self.now)(), Timestamp::now()) {
            Step::Follow => Ok(()),
            // If it is stale, another replica was faster: the next round sees which.
            Step::Claim(lease) => self.write(*lease, led && ours).await.map(|_| ()),
        }
    }

    /// Stops being the leader; may still be the holder.
    pub fn resign(&mut self) {
        self.until = None;
    }

    /// Releases the Lease if this replica holds it, so that others needn't wait.
    pub async fn release(&mut self) {
        self.resign();
        if tokio::time::timeout(RELEASE, self.try_release()).await.is_err() {
            tracing::warn!("could not release the lease: other replicas wait until it expires");
        }
    }

    async fn try_release(&mut self) {
        // The second attempt is for a Lease that was changed meanwhile.
        for _ in 0..2 {
            if std::mem::take(&mut self.unsure)
                && let Err(Fault::Refused(_, why) | Fault::NoResponse(why)) = self.look(false).await
            {
                tracing::warn!(why = %printable_line(&why), "could not release the lease: other replicas wait until it expires");
                return;
            }
            let Some(lease) = self.ours() else { return };
            let lease = release(lease.clone(), Timestamp::now());
            match self.send(lease, false).await {
                Ok(lease) => {
                    self.seen = Some(see(self.seen.take(), lease, (self.now)()));
                    tracing::info!("released the lease");
                    return;
                }
                Err(_) => self.unsure = true,
            }
        }
    }

    /// The Lease as last seen, if this replica is its holder.
    fn ours(&self) -> Option<&Lease> {
        let lease = &self.seen.as_ref()?.lease;
        (holder(lease) == Some(&self.settings.identity)).then_some(lease)
    }

    fn is_leader(&self) -> bool {
        self.until.is_some_and(|until| (self.now)() < until)
    }

    /// Reads the Lease.
    async fn look(&mut self, led: bool) -> Result<(), Fault> {
        match self.ask(led, self.api.get(&self.settings.name)).await {
            Ok(lease) => self.seen = Some(see(self.seen.take(), lease, (self.now)())),
            Err(Fault::Refused(404, _)) => self.seen = None,
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Writes a Lease that makes this replica the holder.
    async fn write(&mut self, lease: Lease, led: bool) -> Result<Written, Fault> {
        let start = (self.now)();
        let fresh = lease.metadata.resource_version.is_none();
        self.unsure = true;
        let answer = self.send(lease, led).await;
        self.unsure = !matches!(answer, Ok(_) | Err(Fault::Refused(..=499, _)));
        match answer {
            Ok(lease) => {
                self.seen = Some(see(self.seen.take(), lease, (self.now)()));
                let ours = self.ours().is_some();
                self.until = ours.then(|| start + self.settings.deadline);
                // A mutating webhook may have changed it.
                let other = || Fault::NoResponse("the lease was written, but with another holder".to_owned());
                if ours { Ok(Written::Ours) } else { Err(other()) }
            }
            Err(Fault::Refused(409, _)) => Ok(Written::Stale),
            Err(Fault::Refused(404 | 410, _)) if !fresh => Ok(Written::Stale),
            Err(fault) => Err(fault),
        }
    }

    /// Creates the Lease or, if it has a resourceVersion, replaces it, unless it was changed meanwhile.
    async fn send(&self, lease: Lease, led: bool) -> Result<Lease, Fault> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let lease = named(lease, &self.settings.name);
        match lease.metadata.resource_version {
            None => self.ask(led, self.api.create(&params, &lease)).await,
            Some(_) => self.ask(led, self.api.replace(&self.settings.name, &params, &lease)).await,
        }
    }

    /// Waits for a response: not longer than this replica is the leader, if it is, and short enough for a second attempt in that
    /// time.
    async fn ask<T>(&self, led: bool, request: impl Future<Output = kube::Result<T>>) -> Result<T, Fault> {
        let mut limit = self.settings.deadline / 2;
        if led {
            let until = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since((self.now)()));
            limit = limit.min(until);
        }
        match tokio::time::timeout(limit, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => {
                Err(Fault::Refused(status.code, format!("{} {}", status.code, status.message)))
            }
            Ok(Err(error)) => Err(Fault::NoResponse(chain(&error))),
            Err(_) => Err(Fault::NoResponse(format!("no response within {} seconds", limit.as_secs_f32()))),
        }
    }
}

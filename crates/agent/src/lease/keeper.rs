//! Rounds of requests for one Lease, and until when we lead.

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

/// What the release may take. Whoever stops us waits for it.
const LAST: Duration = Duration::from_secs(5);
/// Characters of an error.
const LONGEST: usize = 500;

/// Keeps a Lease, or tries to get it. `N` is the clock.
pub(super) struct Keeper<N> {
    api: Api<Lease>,
    settings: Settings,
    now: N,
    /// The Lease as it was read or written last.
    seen: Option<Seen>,
    /// Until when we lead: the start of the last request that made us the holder, and the deadline.
    until: Option<Instant>,
    /// Whether a write was sent of which isn't known what became of it.
    doubt: bool,
    fault: Option<String>,
}

/// How a request can fail.
enum Fault {
    /// The server refuses, with this code.
    Refused(u16, String),
    /// No answer, or none that can be read.
    Silent(String),
}

/// What became of a write.
enum Written {
    /// We hold the Lease.
    Ours,
    /// It isn't as we had seen it.
    Stale,
}

impl<N: Fn() -> Instant> Keeper<N> {
    /// The settings must be safe ones.
    pub fn new(client: kube::Client, settings: Settings, now: N) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Keeper { api, settings, now, seen: None, until: None, doubt: false, fault: None }
    }

    /// Where we stand now.
    pub fn standing(&self) -> Standing {
        match self.until {
            Some(until) if self.leads() => Standing::Leader { until },
            _ => {
                let leader = self.seen.as_ref().and_then(|seen| holder(&seen.lease));
                let leader = leader.filter(|leader| *leader != self.settings.identity).map(str::to_owned);
                Standing::Follower { leader, why_not: self.fault.clone() }
            }
        }
    }

    /// Why the last round has failed.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// How long to wait until the next round: up to a fifth more than is set, so that many don't come at once, but not longer
    /// than we lead.
    pub fn pause(&self, chance: u64) -> Duration {
        let pause = self.settings.retry + self.settings.retry / 1_280 * (chance % 256) as u32;
        match self.until {
            Some(until) if self.leads() => pause.min(until.saturating_duration_since((self.now)())),
            _ => pause,
        }
    }

    /// One try to get the Lease, or to keep it. It may be dropped in the middle.
    pub async fn round(&mut self) {
        self.fault = self.attempt().await.err().map(|fault| {
            let (Fault::Refused(_, why) | Fault::Silent(why)) = fault;
            printable_line(&why).chars().take(LONGEST).collect()
        });
    }

    async fn attempt(&mut self) -> Result<(), Fault> {
        let led = self.leads();
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
            // Another has it, or somebody has emptied it.
            self.until = None;
        }
        match decide(self.seen.as_ref(), identity, *duration, (self.now)(), Timestamp::now()) {
            Step::Follow => Ok(()),
            // If it's stale another was faster: the next round sees who.
            Step::Claim(lease) => self.write(*lease, led && ours).await.map(|_| ()),
        }
    }

    /// Leads no longer, but may still be the holder.
    pub fn resign(&mut self) {
        self.until = None;
    }

    /// Gives the Lease back, if it's ours, so that others needn't wait.
    pub async fn release(&mut self) {
        self.resign();
        if tokio::time::timeout(LAST, self.give_back()).await.is_err() {
            tracing::warn!("the lease isn't given back: others have to wait until it expires");
        }
    }

    async fn give_back(&mut self) {
        // The second try is for a Lease that isn't as we had seen it.
        for _ in 0..2 {
            if std::mem::take(&mut self.doubt)
                && let Err(Fault::Refused(_, why) | Fault::Silent(why)) = self.look(false).await
            {
                tracing::warn!(why = %printable_line(&why), "the lease isn't given back");
                return;
            }
            let Some(lease) = self.ours() else { return };
            let lease = release(lease.clone(), Timestamp::now());
            match self.send(lease, false).await {
                Ok(lease) => {
                    self.seen = Some(see(self.seen.take(), lease, (self.now)()));
                    return;
                }
                Err(_) => self.doubt = true,
            }
        }
    }

    /// The Lease as it was seen last, if we are its holder.
    fn ours(&self) -> Option<&Lease> {
        let lease = &self.seen.as_ref()?.lease;
        (holder(lease) == Some(&self.settings.identity)).then_some(lease)
    }

    fn leads(&self) -> bool {
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

    /// Writes a Lease that makes us the holder.
    async fn write(&mut self, lease: Lease, led: bool) -> Result<Written, Fault> {
        let start = (self.now)();
        let fresh = lease.metadata.resource_version.is_none();
        self.doubt = true;
        let answer = self.send(lease, led).await;
        self.doubt = !matches!(answer, Ok(_) | Err(Fault::Refused(..=499, _)));
        match answer {
            Ok(lease) => {
                self.seen = Some(see(self.seen.take(), lease, (self.now)()));
                let ours = self.ours().is_some();
                self.until = ours.then(|| start + self.settings.deadline);
                // Whatever changes objects on their way in may have changed this one.
                let other = || Fault::Silent("the lease was written, but with another holder".to_owned());
                if ours { Ok(Written::Ours) } else { Err(other()) }
            }
            Err(Fault::Refused(409, _)) => Ok(Written::Stale),
            Err(Fault::Refused(404 | 410, _)) if !fresh => Ok(Written::Stale),
            Err(fault) => Err(fault),
        }
    }

    /// Creates or replaces, as the version says. With a version it's replaced only if nobody else has meanwhile.
    async fn send(&self, lease: Lease, led: bool) -> Result<Lease, Fault> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let lease = named(lease, &self.settings.name);
        match lease.metadata.resource_version {
            None => self.ask(led, self.api.create(&params, &lease)).await,
            Some(_) => self.ask(led, self.api.replace(&self.settings.name, &params, &lease)).await,
        }
    }

    /// Waits for an answer: not longer than we lead, if we do, and short enough for a second try in that time.
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
            Ok(Err(error)) => Err(Fault::Silent(chain(&error))),
            Err(_) => Err(Fault::Silent(format!("no answer within {} seconds", limit.as_secs_f32()))),
        }
    }
}

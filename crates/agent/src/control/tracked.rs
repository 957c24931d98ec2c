//! What is known of one task while it is followed. All of it can be worked out anew from the cluster and the source.

use crate::source::{End, Task};
use crate::unit::{Condition, Unit};
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// What the source has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// That its Pod is there.
    Launched,
    /// That it runs.
    Running,
    /// How it ended.
    Ended,
}

/// A task that is followed.
#[derive(Debug)]
pub struct Tracked {
    /// The name of its queue.
    pub queue: SmolStr,
    /// The task itself, until its Pod is there.
    pub task: Option<Task>,
    /// Its Pod, or its Job, as last seen.
    pub unit: Option<Unit>,
    /// How the Pod of its Job stands.
    pub inner: Option<Condition>,
    /// Whether the Pod has gone; what is left to do is done before it is forgotten.
    pub gone: bool,
    /// When the Pod was last told of.
    pub seen: Instant,
    /// How it ends, if that is decided and not told yet.
    pub verdict: Option<(End, String, String)>,
    /// Whether the command before its Pod has run.
    pub prepared: bool,
    /// Whether something is under way for it.
    pub busy: bool,
    /// When something that failed may be tried again.
    pub not_before: Option<Instant>,
    /// How often in a row it failed.
    pub attempts: u32,
    /// Since when a launch is tried.
    pub since: Instant,
    /// What the source has been told.
    pub told: Told,
    /// The last reason to wait that it was told.
    pub said: Option<Box<str>>,
    /// Whether nobody wants it any more.
    pub unwanted: bool,
    /// When its Pod is to be deleted.
    pub delete_at: Option<Instant>,
    /// Whether we have asked for its deletion.
    pub deleted: bool,
    /// Whether the command after its deletion has run.
    pub commanded: bool,
    /// Whether its companions that live till its end have been removed.
    pub cleaned: bool,
}

/// The first pause before something is tried again, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

impl Tracked {
    /// A task of which nothing is known but its queue.
    pub fn new(queue: SmolStr) -> Self {
        Tracked {
            queue,
            task: None,
            unit: None,
            inner: None,
            gone: false,
            seen: Instant::now(),
            verdict: None,
            prepared: false,
            busy: false,
            not_before: None,
            attempts: 0,
            since: Instant::now(),
            told: Told::Nothing,
            said: None,
            unwanted: false,
            delete_at: None,
            deleted: false,
            commanded: false,
            cleaned: false,
        }
    }

    /// Whether it takes a place: it is being launched, or its Pod has not ended.
    pub fn takes_place(&self) -> bool {
        match self.condition() {
            Some(condition) => !self.gone && !matches!(condition, Condition::Ended { .. }),
            None => self.task.is_some(),
        }
    }

    /// Whether its launch waits to be tried again.
    pub fn waits(&self) -> bool {
        self.task.is_some() && !self.busy && self.unit.is_none()
    }

    /// How it stands: of a Job its Pod knows more than the Job, but for the end.
    pub fn condition(&self) -> Option<Condition> {
        let own = &self.unit.as_ref()?.condition;
        Some(match (own, &self.inner) {
            // The Pod knows why.
            (
                Condition::Ended { end: End::Failed, at, .. },
                Some(Condition::Ended { end: End::Failed, reason, message, .. }),
            ) => Condition::Ended { end: End::Failed, reason: reason.clone(), message: message.clone(), at: *at },
            // A Job may try again after its Pod has ended.
            (Condition::Ended { .. }, _) | (_, None | Some(Condition::Ended { .. })) => own.clone(),
            (_, Some(inner)) => inner.clone(),
        })
    }

    /// Whether it may be worked on now.
    pub fn ready(&self, now: Instant) -> bool {
        !self.busy && self.not_before.is_none_or(|at| at <= now)
    }

    /// Something failed: not again before a pause, which grows, and differs by chance.
    pub fn pause(&mut self) {
        let chance = f64::from(fastrand::u16(..)) / f64::from(u16::MAX);
        let full = PAUSE.saturating_mul(1 << self.attempts.min(6)).min(LONGEST);
        self.not_before = Some(Instant::now() + full.mul_f64(0.5 + chance / 2.0));
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Something worked.
    pub fn worked(&mut self) {
        self.not_before = None;
        self.attempts = 0;
    }
}

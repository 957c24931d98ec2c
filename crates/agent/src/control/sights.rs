//! What the watches tell → what is known.

use super::Control;
use super::tracked::{Told, Tracked};
use crate::follow::Sight;
use crate::source::{Fate, TaskSource};
use crate::unit::{Condition, Kind, Unit};
use podrules::diagnostic::render::printable_line;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::time::{Duration, Instant};

impl<S: TaskSource> Control<S> {
    pub(super) async fn sight(&mut self, sight: Sight) {
        match sight {
            Sight::ListBegins(watch) => {
                self.lists.insert(watch, (Instant::now(), HashSet::new()));
            }
            Sight::There(watch, unit) => {
                if let Some((_, uids)) = self.lists.get_mut(&watch) {
                    uids.insert(unit.uid.clone());
                }
                self.calm();
                self.there(*unit).await;
            }
            Sight::Gone(unit) => {
                self.calm();
                if self.inners.get(&unit.key).is_some_and(|(uid, _)| *uid == unit.uid) {
                    self.inners.remove(&unit.key);
                    if let Some(tracked) = self.tracked.get_mut(&unit.key) {
                        tracked.inner = None;
                        self.due.insert(unit.key.clone());
                    }
                }
                self.gone(&unit.key, &unit.uid);
            }
            Sight::ListEnds(watch) => {
                self.calm();
                self.list_ends(watch);
            }
            Sight::Trouble(why) => {
                if self.trouble.is_none() {
                    tracing::warn!("the cluster can't be followed: {why}");
                }
                self.trouble = Some(why);
            }
        }
    }

    fn calm(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("the cluster is followed again");
        }
    }

    /// What the list doesn't have went while nobody looked.
    fn list_ends(&mut self, watch: usize) {
        let Some((since, uids)) = self.lists.remove(&watch) else { return };
        let kinds = self.settings.scope.kinds.len();
        let per_kind = self.settings.scope.watches() / kinds;
        let kind = self.settings.scope.kinds[(watch / per_kind).min(kinds - 1)];
        let namespace = self.settings.scope.namespaces.get(watch % per_kind);
        if kind == Kind::Pod && kinds > 1 {
            self.inners.retain(|_, (uid, _)| uids.contains(uid) || namespace.is_some());
        }
        let went = self.tracked.iter().filter_map(|(key, tracked)| {
            let unit = tracked.unit.as_ref()?;
            let listed = unit.kind == kind && namespace.is_none_or(|namespace| *namespace == *unit.namespace);
            (listed && tracked.seen < since && !uids.contains(&unit.uid)).then(|| (key.clone(), unit.uid.clone()))
        });
        for (key, uid) in went.collect::<Vec<_>>() {
            self.gone(&key, &uid);
        }
        if self.synced.insert(watch) && self.is_synced() {
            tracing::info!(followed = self.tracked.len(), "the list of Pods is whole");
        }
    }

    pub(super) fn gone(&mut self, key: &SmolStr, uid: &SmolStr) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        if tracked.unit.as_ref().is_some_and(|unit| unit.uid == *uid) && !tracked.gone {
            tracked.gone = true;
            self.due.insert(key.clone());
        }
    }

    async fn there(&mut self, unit: Unit) {
        let key = unit.key.clone();
        if unit.of_job {
            if let Some(tracked) = self.tracked.get_mut(&key) {
                tracked.inner = Some(unit.condition.clone());
                self.due.insert(key.clone());
            }
            self.inners.insert(key, (unit.uid, unit.condition));
            return;
        }
        let launched = self.settings.scope.kinds.last().copied().unwrap_or(Kind::Pod);
        if !unit.is_named_for_its_task() || unit.kind != launched {
            let name = printable_line(&unit.name);
            tracing::debug!(pod = %name, "bears our labels, and isn't one that we launch: left alone");
            return;
        }
        match self.tracked.get_mut(&key) {
            None => self.meet(unit).await,
            Some(tracked) => match &tracked.unit {
                Some(other) if other.uid != unit.uid && !tracked.gone && other.namespace != unit.namespace => {
                    tracing::warn!(task = %printable_line(&key), "two namespaces hold a Pod of the task: the second is left alone");
                    return;
                }
                // The next of the same name: what is left of the one before is done first.
                Some(other) if other.uid != unit.uid => {
                    let uid = other.uid.clone();
                    self.gone(&key, &uid);
                    self.later.insert(key.clone(), unit);
                }
                _ => {
                    if !unit.queue.is_empty() {
                        tracked.queue = unit.queue.clone();
                    }
                    tracked.seen = Instant::now();
                    tracked.unit = Some(unit);
                    tracked.inner = self.inners.get(&key).map(|(_, condition)| condition.clone());
                }
            },
        }
        self.due.insert(key);
    }

    /// One that this process has not launched.
    pub(super) async fn meet(&mut self, unit: Unit) {
        let key = unit.key.clone();
        let mut tracked = Tracked::new(unit.queue.clone());
        let fate = self.source.fate(&key).await;
        match self.note("fate", fate) {
            Some(Fate::Ended) => {
                tracked.told = Told::Ended;
                tracked.delete_at = Some(Instant::now() + self.keeps(&unit.condition));
            }
            // One that the source doesn't know ends as any other, and the source lets what it is told of it be.
            Some(Fate::Launched | Fate::Unknown) => tracked.told = Told::Launched,
            // Given out, launched, and not recorded before that process ended.
            Some(Fate::Waiting) | None => {}
        }
        tracked.unit = Some(unit);
        tracked.inner = self.inners.get(&key).map(|(_, condition)| condition.clone());
        self.tracked.insert(key.clone(), tracked);
        self.due.insert(key);
    }

    /// How long a Pod stays: what of the time to keep it is left since it ended; not at all if it runs though its task has ended.
    pub(super) fn keeps(&self, condition: &Condition) -> Duration {
        let Condition::Ended { at, .. } = condition else { return Duration::ZERO };
        let Some(at) = at else { return self.settings.keep };
        let now = jiff::Timestamp::try_from(self.launcher.cluster.now()).unwrap_or_default();
        let since = Duration::try_from(now.duration_since(*at)).unwrap_or_default();
        self.settings.keep.saturating_sub(since)
    }

    /// Tasks whose Pod went while no process looked: known once, when all Pods are.
    pub(super) async fn find_lost(&mut self) {
        let launched = self.source.launched().await;
        let Some(launched) = self.note("launched", launched) else { return };
        self.looked_for_lost = true;
        for key in launched.into_iter().map(SmolStr::from).filter(|key| !key.is_empty()) {
            if !self.tracked.contains_key(&key) {
                let mut tracked = Tracked::new(SmolStr::default());
                tracked.told = Told::Launched;
                tracked.gone = true;
                self.tracked.insert(key.clone(), tracked);
                self.due.insert(key);
            }
        }
    }
}

//! Room for further tasks → launches; and tasks that nobody wants any more.

use super::Control;
use super::jobs::Job;
use super::tracked::{Told, Tracked};
use crate::events::Notice;
use crate::source::{End, Report, Room, TaskSource};
use crate::unit::Kind;
use podrules::diagnostic::render::printable_line;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::time::Instant;

/// Tasks whose launch waits to be tried again, for each launch that may be under way: beyond them no more are taken.
const WAITING_EACH: usize = 8;

impl<S: TaskSource> Control<S> {
    /// Starts launches as long as there is room.
    pub(super) async fn fill(&mut self) {
        // What is launched must be remembered.
        let written = !self.faults.contains_key("report") && !self.faults.contains_key("unwanted");
        if !written || self.stopping || self.trouble.is_some() || !self.is_synced() || !self.looked_for_lost {
            return;
        }
        // Some more than may be at the cluster at once, so that the next are rendered by the time.
        let most = self.settings.concurrency + self.settings.concurrency.div_ceil(4);
        let mut free = most.saturating_sub(self.launching);
        if free == 0 || !self.hungry {
            return;
        }
        let now = Instant::now();
        let waits = |tracked: &Tracked| tracked.waits() && !tracked.gone && tracked.verdict.is_none();
        let waiting = self.tracked.values().filter(|tracked| waits(tracked)).count();
        if waiting > 0 {
            let ready = self.tracked.iter().filter(|(_, tracked)| waits(tracked) && tracked.ready(now));
            for key in ready.map(|(key, _)| key.clone()).take(free).collect::<Vec<_>>() {
                self.launch(&key);
                free -= 1;
            }
        }
        if free == 0 || waiting > self.settings.concurrency * WAITING_EACH {
            return;
        }
        let mut room = self.room(free);
        let asked = room.all;
        if asked == 0 {
            self.hungry = false;
            return;
        }
        let next = self.source.next(&mut room).await;
        let tasks = self.note("next", next).unwrap_or_default();
        self.hungry = tasks.len() == asked;
        for task in tasks {
            let key = SmolStr::from(task.key());
            match self.tracked.get_mut(&key) {
                None => {
                    let mut tracked = Tracked::new(task.queue.as_str().into());
                    tracked.task = Some(task);
                    self.tracked.insert(key.clone(), tracked);
                    self.launch(&key);
                }
                // It was launched, and that process ended before it could say so.
                Some(tracked) if tracked.told < Told::Ended && tracked.unit.is_some() && !tracked.gone => {
                    tracked.queue = task.queue.as_str().into();
                    tracked.told = Told::Nothing;
                    self.due.insert(key);
                }
                // It is to run again, but the Pod of the time before is still there.
                Some(tracked) => {
                    tracked.delete_at = Some(now);
                    self.due.insert(key.clone());
                    self.source.again(&key);
                }
            }
        }
    }

    fn launch(&mut self, key: &SmolStr) {
        let Some(tracked) = self.tracked.get(key) else { return };
        let (Some(task), prepared) = (tracked.task.clone(), tracked.prepared) else { return };
        self.launching += 1;
        self.start(key, Job::Launch(Box::new(task), prepared));
    }

    /// How many tasks may be launched now.
    fn room(&self, free: usize) -> Room {
        let (most, each) = (self.settings.most, self.settings.most_each);
        if most.is_none() && each.is_none() {
            return Room { all: free, queues: HashMap::new(), each: None };
        }
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for tracked in self.tracked.values().filter(|tracked| tracked.takes_place()) {
            *taken.entry(&tracked.queue).or_default() += 1;
        }
        let all = most.map_or(free, |most| most.saturating_sub(taken.values().sum()).min(free));
        let left = each.map(|each| {
            let queues = taken.iter().map(|(queue, taken)| ((*queue).to_owned(), each.saturating_sub(*taken)));
            queues.collect()
        });
        Room { all, queues: left.unwrap_or_default(), each }
    }

    /// Ends what nobody wants any more.
    pub(super) async fn drop_unwanted(&mut self) {
        if !self.is_synced() || self.stopping {
            return;
        }
        let unwanted = self.source.unwanted().await;
        for key in self.note("unwanted", unwanted).unwrap_or_default().into_iter().map(SmolStr::from) {
            tracing::info!(task = %printable_line(&key), "nobody wants it any more");
            match self.tracked.get_mut(&key) {
                Some(tracked) => {
                    tracked.unwanted = true;
                    // One that has ended needn't be kept for anybody.
                    if tracked.told == Told::Ended {
                        tracked.delete_at = Some(Instant::now());
                    }
                    self.due.insert(key);
                }
                None => {
                    let message = "nobody wants the task any more".to_owned();
                    let report = Report::Ended { end: End::Aborted, reason: "Aborted".to_owned(), message };
                    let told = self.source.report(&key, &report).await;
                    self.note("report", told);
                }
            }
        }
    }

    /// Has an event written on a Pod, when there is time for it.
    pub(super) fn notify(&self, kind: Kind, namespace: &str, name: &str, uid: &str, rules: Vec<String>) {
        let (namespace, name, uid) = (namespace.into(), name.into(), uid.into());
        if self.notices.try_send(Notice { kind, namespace, name, uid, rules }).is_err() {
            self.launcher.metrics.events_dropped();
        }
    }
}

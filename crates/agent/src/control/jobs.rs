//! What is done beside the loop, one thing at a time for each task.

use super::Control;
use crate::launch::{Launched, Launcher};
use crate::source::{Task, TaskSource};
use crate::steps::reached;
use crate::unit::{COMPANIONS, Condition, Kind, Unit};
use podrules::diagnostic::render::printable_line;
use podrules::lifetime::Lifetime;
use podrules_cluster::{self as cluster, ApiError, FINALIZER, LIFETIME_LABEL, TASK_LABEL};
use podrules_worker::command::{self, Once, OnceResult, Values};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Instant;

/// A thing to do for a task.
pub(super) enum Job {
    /// Launch it; the command before it may have run already.
    Launch(Box<Task>, bool),
    /// Delete its Pod.
    Delete { unit: Unit },
    /// Run the command after the Pod's deletion, and let the Pod go.
    PostDelete { unit: Unit, run: bool, release: bool },
    /// Remove the companions that live till its end.
    Clean { unit: Unit },
}

/// A thing that was done, with the task's key.
pub enum Done {
    /// A launch.
    Launched(SmolStr, Box<Launched>),
    /// A deletion was asked for.
    Deleted(SmolStr, Result<(), ApiError>),
    /// The command after the deletion has run, and the Pod is let go.
    Commanded(SmolStr, Result<(), ApiError>),
    /// Companions were removed.
    Cleaned(SmolStr, Result<(), ApiError>),
    /// Companions that were found: to look whether somebody needs them.
    Found(Vec<super::sweep::Companion>),
    /// All of them were looked at.
    Swept,
}

impl<S: TaskSource> Control<S> {
    /// Starts a thing for a task that isn't busy.
    pub(super) fn start(&mut self, key: &SmolStr, job: Job) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = true;
        let (launcher, once, done, key) = (self.launcher.clone(), self.once.clone(), self.done.clone(), key.clone());
        self.jobs.spawn(async move {
            let result = match job {
                Job::Launch(task, prepared) => Done::Launched(key, Box::new(launcher.launch(*task, prepared).await)),
                Job::Delete { unit } => Done::Deleted(key, launcher.delete(&unit).await),
                Job::PostDelete { unit, run, release } => {
                    Done::Commanded(key, launcher.after_delete(unit, run, release, once).await)
                }
                Job::Clean { unit } => Done::Cleaned(key, launcher.clean(&unit).await),
            };
            // The loop has ended, and what was done is found anew by the next.
            let _ = done.send(result).await;
        });
    }

    /// Takes what was done.
    pub(super) async fn finished(&mut self, done: Done) {
        let (key, result) = match done {
            Done::Launched(key, launched) => return self.launched(&key, *launched).await,
            Done::Found(found) => return self.found(found).await,
            Done::Swept => {
                self.sweeping = false;
                return;
            }
            Done::Deleted(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.deleted = true;
                }
                (key, result)
            }
            Done::Commanded(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.commanded = true;
                    if let Some(unit) = &mut tracked.unit {
                        unit.held = false;
                    }
                }
                (key, result)
            }
            Done::Cleaned(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.cleaned = true;
                }
                (key, result)
            }
        };
        let Some(tracked) = self.tracked.get_mut(&key) else { return };
        tracked.busy = false;
        match result {
            Ok(()) => tracked.worked(),
            Err(trouble) => {
                tracked.pause();
                tracing::warn!(task = %printable_line(&key), attempts = tracked.attempts, "it is tried again: {}", printable_line(&trouble.message));
            }
        }
        self.due.insert(key);
    }
}

/// What has gone needs nothing more.
fn unless_gone(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(trouble) if trouble.gone => Ok(()),
        other => other,
    }
}

impl Launcher {
    async fn delete(&self, unit: &Unit) -> Result<(), ApiError> {
        let _place = self.ends.acquire().await;
        unless_gone(cluster::delete(&self.cluster, &unit.url(), &unit.name, &unit.uid, unit.kind == Kind::Job).await)?;
        reached("pod-deleted");
        Ok(())
    }

    /// Runs the command, once for each Pod whatever happens, then lets the Pod go.
    async fn after_delete(
        self: Arc<Self>,
        unit: Unit,
        run: bool,
        release: bool,
        once: Arc<Once>,
    ) -> Result<(), ApiError> {
        if run && self.commands.post_delete.is_some() {
            let _place = self.blocking.acquire().await;
            reached("post-delete-started");
            let (commands, of, store, started) = (self.commands.clone(), unit.clone(), once, Instant::now());
            let ran = tokio::task::spawn_blocking(move || {
                let text = commands.post_delete.as_ref()?;
                let values = Values { queue_name: &of.queue, pod_name: &of.name, namespace: &of.namespace };
                let mounted = Some(&commands.mounted);
                Some(store.run(&of.uid, text, &values, &commands.env, mounted, command::TIMEOUT))
            });
            let pod = &unit.name;
            match ran.await {
                Ok(Some(Ok(OnceResult::Ran(ran)))) => {
                    let fine = ran.failure.is_none();
                    self.metrics.command("post-delete", fine, started.elapsed().as_secs_f64());
                    for line in &ran.log {
                        tracing::info!(command = "post-delete", %pod, "{}", printable_line(line));
                    }
                    if let Some(failure) = ran.failure {
                        let told = self.render.tell(&failure);
                        tracing::error!(command = "post-delete", %pod, "{}", printable_line(&told));
                    }
                }
                Ok(Some(Ok(OnceResult::AlreadyRan { status, .. }))) => {
                    tracing::info!(command = "post-delete", %pod, ?status, "an earlier process ran it");
                }
                Ok(None) => {}
                // Whether it has run can't be known or kept: it isn't run before that can be.
                Ok(Some(Err(fault))) => return Err(ApiError { message: self.render.tell(&fault), gone: false }),
                Err(error) => {
                    let message = format!("the command after the deletion ended unexpectedly: {error}");
                    return Err(ApiError { message, gone: false });
                }
            }
            reached("post-delete-done");
        }
        if release {
            let _place = self.ends.acquire().await;
            let let_go = cluster::remove_finalizer(&self.cluster, &unit.url(), &unit.name, &unit.uid, FINALIZER).await;
            unless_gone(let_go)?;
            reached("finalizer-removed");
        }
        Ok(())
    }

    /// Removes companions that live till the task's end.
    async fn clean(&self, unit: &Unit) -> Result<(), ApiError> {
        let _place = self.ends.acquire().await;
        let labels = [(TASK_LABEL, &*unit.key), (LIFETIME_LABEL, Lifetime::Task.word())];
        for url in unit.companions.as_deref().unwrap_or("").split(',').filter(|url| self.is_collection(url)) {
            unless_gone(cluster::delete_collection(&self.cluster, url, &labels).await)?;
        }
        reached("companions-removed");
        Ok(())
    }

    /// Whether a text, which somebody may have changed on the Pod, is where objects of a kind are in a namespace that is ours.
    fn is_collection(&self, url: &str) -> bool {
        let plain = |part: &str| {
            let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
            !part.is_empty() && part.bytes().all(fine) && !part.starts_with('.')
        };
        let parts: Vec<&str> = url.split('/').collect();
        let namespace = match parts[..] {
            ["", "api", _, "namespaces", namespace, _] | ["", "apis", _, _, "namespaces", namespace, _] => namespace,
            _ => "",
        };
        let ours = parts.iter().skip(1).all(|part| plain(part)) && plain(namespace);
        if !ours {
            tracing::warn!(annotation = COMPANIONS, "names no kind of companions: {}", printable_line(url));
        }
        ours
    }

    /// A Pod as it was created, until a watch tells of it.
    pub(super) fn placeholder(
        &self,
        kind: Kind,
        key: &SmolStr,
        queue: &SmolStr,
        namespace: SmolStr,
        name: SmolStr,
        uid: SmolStr,
    ) -> Unit {
        Unit {
            kind,
            namespace,
            name,
            uid,
            key: key.clone(),
            queue: queue.clone(),
            condition: Condition::Waiting { reason: SmolStr::default(), message: "it is pending".into() },
            deleting: None,
            still: false,
            held: self.commands.post_delete.is_some(),
            companions: None,
            of_job: false,
        }
    }
}

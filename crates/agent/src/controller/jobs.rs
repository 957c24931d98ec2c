//! Jobs: what is done beside the loop, one at a time for each task.

use super::Controller;
use super::companion::{Companion, Repair};
use crate::launch::{LaunchResult, Launcher};
use crate::steps::reached;
use crate::task_source::Task;
use crate::workload::{COMPANIONS, Kind, Workload};
use podrules::diagnostic::render::printable_line;
use podrules::lifetime::Lifetime;
use podrules_cluster::{self as cluster, ApiError, FINALIZER, LIFETIME_LABEL, PodState, TASK_LABEL};
use podrules_worker::command::{self, Once, OnceResult, Values};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What to do for a task.
pub(super) enum Job {
    /// Launch it.
    Launch { task: Box<Task>, pre_applied: bool },
    /// Delete its Pod.
    Delete { workload: Workload },
    /// Run the post-delete command, remove the finalizer, or both.
    PostDelete { workload: Workload, run: bool, release: bool },
    /// Remove its companions with `lifetime: task`.
    RemoveCompanions { workload: Workload },
}

/// The result of a job, with the task's key.
pub enum JobResult {
    /// A launch ended.
    Launched(SmolStr, Box<LaunchResult>),
    /// A deletion was requested.
    DeleteRequested(SmolStr, Result<(), ApiError>),
    /// The post-delete command has run, and the finalizer is removed.
    PostDeleted(SmolStr, Result<(), ApiError>),
    /// Companions were removed.
    CompanionsRemoved(SmolStr, Result<(), ApiError>),
    /// Garbage collection found companions.
    CompanionsFound(Batch),
    /// Garbage collection is over.
    Collected,
}

/// Companions that garbage collection found.
pub struct Batch {
    /// Not decided on yet.
    pub(super) companions: VecDeque<Companion>,
    /// What is to be done when all are decided on.
    pub(super) repairs: Vec<(Companion, Repair)>,
    /// Dropped with the batch: the job then sends the next one.
    pub(super) _done: oneshot::Sender<()>,
}

impl Controller {
    /// Starts a job for a task that isn't busy.
    pub(super) fn start(&mut self, key: &SmolStr, job: Job) {
        let Some(tracked) = self.tracked.get_mut(key) else { return };
        tracked.busy = true;
        let (launcher, once, key) = (self.launcher.clone(), self.once.clone(), key.clone());
        let results = self.results.clone();
        self.jobs.spawn(async move {
            let result = match job {
                Job::Launch { task, pre_applied } => {
                    JobResult::Launched(key, Box::new(launcher.launch(*task, pre_applied).await))
                }
                Job::Delete { workload } => JobResult::DeleteRequested(key, launcher.delete(&workload).await),
                Job::PostDelete { workload, run, release } => {
                    JobResult::PostDeleted(key, launcher.post_delete(workload, run, release, once).await)
                }
                Job::RemoveCompanions { workload } => {
                    JobResult::CompanionsRemoved(key, launcher.remove_companions(&workload).await)
                }
            };
            // If the loop has ended, the next process finds out what was done.
            let _ = results.send(result).await;
        });
    }

    /// Takes the result of a job.
    pub(super) fn job_done(&mut self, result: JobResult) {
        let (key, result) = match result {
            JobResult::Launched(key, launched) => return self.launched(&key, *launched),
            JobResult::CompanionsFound(batch) => return self.companions_found(batch),
            JobResult::Collected => {
                self.collecting = false;
                return;
            }
            JobResult::DeleteRequested(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.delete_requested = true;
                }
                (key, result)
            }
            JobResult::PostDeleted(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.post_deleted = true;
                    if let Some(workload) = &mut tracked.workload {
                        workload.has_finalizer = false;
                    }
                }
                (key, result)
            }
            JobResult::CompanionsRemoved(key, result) => {
                if let (Some(tracked), Ok(())) = (self.tracked.get_mut(&key), &result) {
                    tracked.companions_removed = true;
                }
                (key, result)
            }
        };
        let Some(tracked) = self.tracked.get_mut(&key) else { return };
        tracked.busy = false;
        match result {
            Ok(()) => tracked.reset_backoff(),
            Err(error) => {
                tracked.back_off();
                tracing::warn!(task = %printable_line(&key), attempts = tracked.attempts, "retrying: {}", printable_line(&error.message));
            }
        }
        self.due.insert(key);
    }
}

/// An object that is gone needs nothing more.
fn unless_gone(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.gone => Ok(()),
        other => other,
    }
}

impl Launcher {
    async fn delete(&self, workload: &Workload) -> Result<(), ApiError> {
        let _place = self.cleanups.acquire().await;
        let Workload { name, uid, kind, .. } = workload;
        unless_gone(cluster::delete(&self.cluster, &workload.url(), name, uid, *kind == Kind::Job).await)?;
        reached("pod-deleted");
        Ok(())
    }

    /// Runs the post-delete command, once for each Pod, then removes the finalizer.
    async fn post_delete(
        self: Arc<Self>,
        workload: Workload,
        run: bool,
        release: bool,
        once: Arc<Once>,
    ) -> Result<(), ApiError> {
        if run && self.commands.post_delete.is_some() {
            let _place = self.blocking.acquire().await;
            reached("post-delete-started");
            let (commands, of, started) = (self.commands.clone(), workload.clone(), Instant::now());
            let ran = tokio::task::spawn_blocking(move || {
                let text = commands.post_delete.as_ref()?;
                let values = Values { queue_name: &of.queue, pod_name: &of.name, namespace: &of.namespace };
                let mounted = Some(&commands.mounted);
                Some(once.run(&of.uid, text, &values, &commands.env, mounted, command::TIMEOUT))
            });
            let pod = &workload.name;
            match ran.await {
                Ok(Some(Ok(OnceResult::Ran(ran)))) => {
                    let ok = ran.failure.is_none();
                    self.metrics.command("post-delete", ok, started.elapsed().as_secs_f64());
                    for line in &ran.log {
                        tracing::info!(command = "post-delete", %pod, "{}", printable_line(line));
                    }
                    if let Some(failure) = ran.failure {
                        let message = self.render.describe(&failure);
                        tracing::error!(command = "post-delete", %pod, "{}", printable_line(&message));
                    }
                }
                Ok(Some(Ok(OnceResult::AlreadyRan { status, .. }))) => {
                    tracing::info!(command = "post-delete", %pod, ?status, "already run by an earlier process");
                }
                Ok(None) => {}
                // Whether it has run can't be read or recorded: until then it doesn't run.
                Ok(Some(Err(fault))) => return Err(ApiError { message: self.render.describe(&fault), gone: false }),
                Err(error) => {
                    let message = format!("the post-delete command ended unexpectedly: {error}");
                    return Err(ApiError { message, gone: false });
                }
            }
            reached("post-delete-done");
        }
        if release {
            let _place = self.cleanups.acquire().await;
            let Workload { name, uid, .. } = &workload;
            unless_gone(cluster::remove_finalizer(&self.cluster, &workload.url(), name, uid, FINALIZER).await)?;
            reached("finalizer-removed");
        }
        Ok(())
    }

    /// Removes the companions with `lifetime: task`.
    async fn remove_companions(&self, workload: &Workload) -> Result<(), ApiError> {
        let _place = self.cleanups.acquire().await;
        let labels = [(TASK_LABEL, &*workload.key), (LIFETIME_LABEL, Lifetime::Task.word())];
        for url in workload.companions.as_deref().unwrap_or("").split(',').filter(|url| self.is_collection(url)) {
            unless_gone(cluster::delete_collection(&self.cluster, url, &labels).await)?;
        }
        reached("companions-removed");
        Ok(())
    }

    /// Whether a text is the path of a collection in a namespace: somebody may have changed the annotation.
    fn is_collection(&self, url: &str) -> bool {
        let plain = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
            !part.is_empty() && part.bytes().all(allowed) && !part.starts_with('.')
        };
        let parts: Vec<&str> = url.split('/').collect();
        let namespace = match parts[..] {
            ["", "api", _, "namespaces", namespace, _] | ["", "apis", _, _, "namespaces", namespace, _] => namespace,
            _ => "",
        };
        let valid = parts.iter().skip(1).all(|part| plain(part)) && plain(namespace);
        if !valid {
            tracing::warn!(
                annotation = COMPANIONS,
                "not the path of a collection of companions: {}",
                printable_line(url)
            );
        }
        valid
    }

    /// A workload that was created, until it is observed.
    pub(super) fn placeholder(
        &self,
        kind: Kind,
        key: &SmolStr,
        queue: &SmolStr,
        namespace: SmolStr,
        name: SmolStr,
        uid: SmolStr,
    ) -> Workload {
        Workload {
            kind,
            namespace,
            name,
            uid,
            key: key.clone(),
            queue: queue.clone(),
            state: PodState::Starting { reason: SmolStr::default(), message: "it is pending".into() },
            finished: None,
            deletion: None,
            terminated: false,
            has_finalizer: self.commands.post_delete.is_some(),
            companions: None,
            is_job_pod: false,
        }
    }
}

//! A launch by server-side apply: companions in their order, then the Pod, then the owner references. If a step fails, the caller
//! deletes what was created.

use super::errors::RequestError;
use super::failure::{findings, warning};
use super::finding::Finding;
use super::labels::{LIFETIME_LABEL, MANAGER};
use super::objects::{Object, is_being_deleted, is_of_task, label, owner_reference, uid_of};
use super::request::Cluster;
use super::verbs::{delete_in_background, get};
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::lifetime::Lifetime;
use serde_json::{Value, json};

/// The options of a launch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Let the API server check the objects without changing anything (`--dry-run=server`).
    pub dry_run: bool,
    /// Take over fields that other field managers own (`--force-conflicts`).
    pub force: bool,
}

/// What apply did with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It didn't exist before.
    Created,
    /// It existed and has changed.
    Configured,
    /// It existed and is the same.
    Unchanged,
}

impl Change {
    /// The word that kubectl prints.
    pub fn word(self) -> &'static str {
        match self {
            Change::Created => "created",
            Change::Configured => "configured",
            Change::Unchanged => "unchanged",
        }
    }
}

/// An object that was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its kind and name, as [`Object::id`] gives them.
    pub id: String,
    /// What apply did with it.
    pub change: Change,
    /// The object as the API server returned it.
    pub object: Value,
    /// The API server's warnings.
    pub warnings: Vec<Finding>,
}

/// A launch in progress.
pub struct Launch<'c> {
    cluster: &'c Cluster,
    options: Options,
    /// The objects that this launch created, by index, each with its uid if there was a response.
    created: Vec<(usize, Option<String>)>,
    objects: Vec<Object>,
}

impl<'c> Launch<'c> {
    /// A launch of objects as [`Kinds::prepare`](super::Kinds::prepare) returns them; the Pod is the last.
    pub fn new(cluster: &'c Cluster, objects: Vec<Object>, options: Options) -> Self {
        Launch { cluster, options, created: Vec::new(), objects }
    }

    /// Applies the objects, and returns them in their order. If it fails or is dropped, [`Launch::undo`] deletes what it created.
    ///
    /// # Errors
    /// A request failed, or an object exists that isn't the task's.
    pub async fn run(&mut self) -> Result<Vec<Applied>, Vec<Finding>> {
        let Some(last) = self.objects.len().checked_sub(1) else { return Ok(Vec::new()) };
        // A Pod that already exists owns its companions from the start.
        let pod_before = self.live(last).await?;
        let mut owner = pod_before.as_ref().map(|live| owner_reference(&self.objects[last].value, live));
        let mut applied = Vec::with_capacity(last + 1);
        for number in 0..last {
            let before = self.live(number).await?;
            applied.push(match before {
                Some(object) if self.is_shared(number, &object) => self.unchanged(number, object),
                before => self.apply(number, before.as_ref(), owner.as_ref()).await?,
            });
        }
        let pod = self.apply(last, pod_before.as_ref(), None).await?;
        if owner.is_none() && !self.options.dry_run {
            owner = Some(owner_reference(&self.objects[last].value, &pod.object));
            for (number, companion) in applied.iter_mut().enumerate() {
                if self.objects[number].lifetime != Some(Lifetime::Pod) {
                    continue;
                }
                let owned = self.apply(number, Some(&companion.object), owner.as_ref()).await?;
                let change = if companion.change == Change::Created { Change::Created } else { owned.change };
                *companion = Applied { change, warnings: std::mem::take(&mut companion.warnings), ..owned };
            }
        }
        applied.push(pod);
        Ok(applied)
    }

    /// Deletes what was created, the last object first. Returns the objects that could not be deleted.
    pub async fn undo(&mut self) -> Vec<String> {
        self.cluster.start_undo_budget();
        let mut left = Vec::new();
        for (number, uid) in std::mem::take(&mut self.created).into_iter().rev() {
            if let Err(error) = self.delete(number, uid).await {
                tracing::info!(object = %self.objects[number].id(), why = %error, "could not remove");
                left.push(self.objects[number].id());
            }
        }
        left
    }

    async fn delete(&self, number: usize, uid: Option<String>) -> Result<(), RequestError> {
        let object = &self.objects[number];
        let uid = match uid {
            Some(uid) => uid,
            // There was no response. The object was created if it exists now and has the task's label.
            None => match get(self.cluster, &object.url(), &object.name).await {
                Ok(live) if is_of_task(&live, self.task()) => uid_of(&live).to_owned(),
                Ok(_) => return Ok(()),
                Err(error) if error.not_found() => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        delete_in_background(self.cluster, &object.url(), &object.name, &uid).await
    }

    fn task(&self) -> &str {
        self.objects.last().map_or("", Object::task)
    }

    /// The object in the cluster, if it exists. It is an error if it isn't the task's, or is being deleted.
    async fn live(&self, number: usize) -> Result<Option<Value>, Vec<Finding>> {
        let object = &self.objects[number];
        let live = match get(self.cluster, &object.url(), &object.name).await {
            Ok(live) => live,
            Err(error) if error.not_found() => return Ok(None),
            Err(error) => return Err(findings(&error, object, self.cluster)),
        };
        if !is_of_task(&live, self.task()) && !self.is_shared(number, &live) {
            return Err(vec![object.not_ours(&live)]);
        }
        if is_being_deleted(&live) {
            let message = format!("{} is being deleted and can't be recreated until it is gone", object.id());
            let help = format!("wait for it: `kubectl wait --for=delete -n {} {}`", object.namespace, object.id());
            return Err(vec![Finding::new(object.subject, Diagnostic::new(Code::BeingRemoved, message).help(help))]);
        }
        Ok(Some(live))
    }

    /// Whether another task created it with `lifetime: keep`, so that this task uses it unchanged.
    fn is_shared(&self, number: usize, live: &Value) -> bool {
        self.objects[number].lifetime == Some(Lifetime::Keep)
            && label(live, LIFETIME_LABEL) == Some(Lifetime::Keep.word())
            && !is_of_task(live, self.task())
    }

    fn unchanged(&self, number: usize, object: Value) -> Applied {
        Applied { id: self.objects[number].id(), change: Change::Unchanged, object, warnings: Vec::new() }
    }

    /// Applies an object. `before` is the object in the cluster, `owner` the reference that a companion of the Pod gets.
    async fn apply(
        &mut self,
        number: usize,
        before: Option<&Value>,
        owner: Option<&Value>,
    ) -> Result<Applied, Vec<Finding>> {
        let object = &self.objects[number];
        let mut value = object.value.clone();
        if let (Some(owner), Some(Lifetime::Pod)) = (owner, object.lifetime) {
            value["metadata"]["ownerReferences"] = json!([owner]);
        }
        let parameters = PatchParams {
            dry_run: self.options.dry_run,
            force: self.options.force,
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = Request::new(object.url()).patch(&object.name, &parameters, &Patch::Apply(&value));
        let new = before.is_none() && !self.options.dry_run;
        if new {
            self.created.push((number, None));
        }
        let mut uncertain = false;
        let reply = match request {
            Ok(request) => self.cluster.send_tracked(request, &mut uncertain).await,
            Err(error) => Err(RequestError::from(error)),
        };
        let object = &self.objects[number];
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                // If every attempt was refused, the object certainly wasn't created. Without a response it may have been.
                if new && !uncertain {
                    self.created.pop();
                }
                return Err(findings(&error, object, self.cluster));
            }
        };
        if new && !reply.created && !uncertain {
            self.created.pop();
            let message = format!("{} was created by somebody else in the meantime", object.id());
            let diagnostic = Diagnostic::new(Code::NotOurs, message).help("check who created it, then try again");
            return Err(vec![Finding::new(object.subject, diagnostic)]);
        }
        if new && let Some((_, uid)) = self.created.last_mut() {
            *uid = Some(uid_of(&reply.body).to_owned());
        }
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let change = match before {
            None => Change::Created,
            Some(before) if version(before) == version(&reply.body) => Change::Unchanged,
            Some(_) => Change::Configured,
        };
        tracing::info!(object = %object.id(), what = change.word(), "applied");
        let warnings = reply.warnings.iter().map(|text| warning(object, text)).collect();
        Ok(Applied { id: object.id(), change, object: reply.body, warnings })
    }
}

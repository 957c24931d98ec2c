//! A launch: companions in their order, then the Pod, then the ownership. If a step fails, what was made is removed again.

use super::errors::{Fault, Finding};
use super::objects::{Object, label};
use super::{Cluster, LIFETIME_LABEL, MANAGER, TASK_LABEL, errors, request};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::lifetime::Lifetime;
use serde_json::{Value, json};

/// How to launch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Let the API server check everything, and change nothing.
    pub dry_run: bool,
    /// Take fields over that others have set.
    pub force: bool,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Created,
    /// It was there, and has changed.
    Configured,
    /// It was there as it should be.
    Unchanged,
}

impl What {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            What::Created => "created",
            What::Configured => "configured",
            What::Unchanged => "unchanged",
        }
    }
}

/// An object that is there now.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its kind and name.
    pub id: String,
    /// What became of it.
    pub what: What,
    /// It, as the API server has it.
    pub object: Value,
    /// What the API server warns of.
    pub warnings: Vec<Finding>,
}

/// A launch on its way.
pub struct Launch<'c> {
    cluster: &'c Cluster,
    options: Options,
    /// What was made, by the number of its object, with its uid if an answer has told it.
    made: Vec<(usize, Option<String>)>,
    objects: Vec<Object>,
}

impl<'c> Launch<'c> {
    /// A launch of objects as `prepare` gives them; the Pod is the last.
    pub fn new(cluster: &'c Cluster, objects: Vec<Object>, options: Options) -> Self {
        Launch { cluster, options, made: Vec::new(), objects }
    }

    /// Does it. What has been made when it fails is known, and removed by [`Launch::undo`].
    pub async fn run(&mut self) -> Result<Vec<Done>, Vec<Finding>> {
        let Some(last) = self.objects.len().checked_sub(1) else { return Ok(Vec::new()) };
        // A Pod that is there already owns its companions from the start.
        let pod_before = self.look(last).await?;
        let mut owner = pod_before.as_ref().map(|there| owner_reference(&self.objects[last].value, there));
        let mut done = Vec::with_capacity(last + 1);
        for number in 0..last {
            let before = self.look(number).await?;
            done.push(match before {
                Some(object) if self.is_shared(number, &object) => self.kept(number, object),
                before => self.apply(number, before.as_ref(), owner.as_ref()).await?,
            });
        }
        let pod = self.apply(last, pod_before.as_ref(), None).await?;
        if owner.is_none() && !self.options.dry_run {
            owner = Some(owner_reference(&self.objects[last].value, &pod.object));
            for (number, done) in done.iter_mut().enumerate() {
                if self.objects[number].lifetime != Some(Lifetime::Pod) {
                    continue;
                }
                let owned = self.apply(number, Some(&done.object), owner.as_ref()).await?;
                let what = if done.what == What::Created { What::Created } else { owned.what };
                *done = Done { what, warnings: std::mem::take(&mut done.warnings), ..owned };
            }
        }
        done.push(pod);
        Ok(done)
    }

    /// Removes what was made, the last first; gives what could not be removed.
    pub async fn undo(&mut self) -> Vec<String> {
        self.cluster.last_patience();
        let mut left = Vec::new();
        for (number, uid) in std::mem::take(&mut self.made).into_iter().rev() {
            if let Err(fault) = self.remove(number, uid).await {
                tracing::info!(object = %self.objects[number].id(), why = %fault, "not removed");
                left.push(self.objects[number].id());
            }
        }
        left
    }

    async fn remove(&self, number: usize, uid: Option<String>) -> Result<(), Fault> {
        let object = &self.objects[number];
        let uid = match uid {
            Some(uid) => uid,
            // No answer told whether it was made: it was if it is there now and bears our label.
            None => match request::get(self.cluster, format!("{}/{}", object.url(), object.name)).await {
                Ok(there) if is_of_task(&there, self.task()) => uid_of(&there).to_owned(),
                Ok(_) => return Ok(()),
                Err(fault) if fault.not_found() => return Ok(()),
                Err(fault) => return Err(fault),
            },
        };
        remove_exactly(self.cluster, object, uid).await
    }

    fn task(&self) -> &str {
        self.objects.last().map_or("", Object::task)
    }

    /// What is there of an object's name; what isn't ours, or is on its way out, is an error.
    async fn look(&self, number: usize) -> Result<Option<Value>, Vec<Finding>> {
        let object = &self.objects[number];
        let there = match request::get(self.cluster, format!("{}/{}", object.url(), object.name)).await {
            Ok(there) => there,
            Err(fault) if fault.not_found() => return Ok(None),
            Err(fault) => return Err(fault.findings(object, self.cluster)),
        };
        if !is_of_task(&there, self.task()) && !self.is_shared(number, &there) {
            return Err(vec![object.not_ours(&there)]);
        }
        if there["metadata"].get("deletionTimestamp").is_some() {
            let message = format!("{} is being removed, and can't be made anew before it has gone", object.id());
            let help = format!("wait for it: `kubectl wait --for=delete -n {} {}`", object.namespace, object.id());
            return Err(vec![Finding::new(object.subject, Diagnostic::new(Code::BeingRemoved, message).help(help))]);
        }
        Ok(Some(there))
    }

    /// Whether another task made it for good, so that this one uses it as it is.
    fn is_shared(&self, number: usize, there: &Value) -> bool {
        self.objects[number].lifetime == Some(Lifetime::Keep)
            && label(there, LIFETIME_LABEL) == Some(Lifetime::Keep.word())
            && !is_of_task(there, self.task())
    }

    fn kept(&self, number: usize, object: Value) -> Done {
        Done { id: self.objects[number].id(), what: What::Unchanged, object, warnings: Vec::new() }
    }

    /// Applies an object.
    async fn apply(
        &mut self,
        number: usize,
        before: Option<&Value>,
        owner: Option<&Value>,
    ) -> Result<Done, Vec<Finding>> {
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
        let request = kube::core::Request::new(object.url()).patch(&object.name, &parameters, &Patch::Apply(&value));
        let request = request.map_err(|error| Fault::Unusable(error.to_string()));
        let new = before.is_none() && !self.options.dry_run;
        if new {
            self.made.push((number, None));
        }
        let mut doubt = false;
        let answer = match request {
            Ok(request) => self.cluster.send_noting(request, &mut doubt).await,
            Err(fault) => Err(fault),
        };
        let object = &self.objects[number];
        let reply = match answer {
            Ok(reply) => reply,
            Err(fault) => {
                // A refusal says for certain that it wasn't made, if every attempt was refused; silence doesn't.
                if new && !doubt {
                    self.made.pop();
                }
                return Err(fault.findings(object, self.cluster));
            }
        };
        if new && !reply.created && !doubt {
            self.made.pop();
            let message = format!("{} was made by somebody else in this moment", object.id());
            let diagnostic = Diagnostic::new(Code::NotOurs, message).help("see whose it is, and try again");
            return Err(vec![Finding::new(object.subject, diagnostic)]);
        }
        if new && let Some((_, uid)) = self.made.last_mut() {
            *uid = Some(uid_of(&reply.body).to_owned());
        }
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let what = match before {
            None => What::Created,
            Some(before) if version(before) == version(&reply.body) => What::Unchanged,
            Some(_) => What::Configured,
        };
        tracing::info!(object = %object.id(), what = what.word(), "applied");
        let warnings = reply.warnings.iter().map(|text| errors::warning(object, text)).collect();
        Ok(Done { id: object.id(), what, object: reply.body, warnings })
    }
}

/// Removes an object, and no other that has its name by now.
pub(super) async fn remove_exactly(cluster: &Cluster, object: &Object, uid: String) -> Result<(), Fault> {
    let exactly = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
        ..DeleteParams::background()
    };
    let request = kube::core::Request::new(object.url()).delete(&object.name, &exactly);
    let request = request.map_err(|error| Fault::Unusable(error.to_string()))?;
    match cluster.send(request).await {
        Err(fault) if fault.not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Whether an object bears the task's label.
pub(super) fn is_of_task(object: &Value, task: &str) -> bool {
    !task.is_empty() && label(object, TASK_LABEL) == Some(task)
}

pub(super) fn uid_of(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or("")
}

/// How companions name the Pod, or the Job, that they go with.
pub(super) fn owner_reference(sent: &Value, there: &Value) -> Value {
    json!({
        "apiVersion": sent["apiVersion"], "kind": sent["kind"], "name": there["metadata"]["name"],
        "uid": there["metadata"]["uid"],
    })
}

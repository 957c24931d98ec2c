//! What is known about a task when its Pod is made.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that rules may read, besides the Pod.
#[derive(Debug, Clone)]
pub struct Context {
    /// The task, as ClearML's `tasks.get_by_id` returns it; its `id` is a string.
    pub task: Arc<Value>,
    /// The queue that the task came from: an object with `id` and `name`.
    pub queue: Arc<Value>,
    /// What the user's identity provider told ClearML about the user.
    pub providers: Arc<Value>,
    /// The task's configuration, vaults included.
    pub config: Arc<Value>,
    /// The worker: an object with `id`.
    pub worker: Arc<Value>,
    /// podrules' own environment variables. Expressions see those that their file lists under `env:`.
    pub env: BTreeMap<String, String>,
    /// The Pod's name, if it isn't derived from the task's id.
    pub name: Option<String>,
    /// The namespace that the Pod is created in.
    pub namespace: String,
    /// The container image of tasks that set none.
    pub default_image: Option<String>,
}

/// The prefix of a task Pod's name.
pub const POD_PREFIX: &str = "clearml-id-";

impl Context {
    /// Makes the minimal context: a task and its queue. The namespace is `default`, all else is empty.
    pub fn new(task: Value, queue_id: &str, queue_name: &str) -> Self {
        let object = || Arc::new(json!({}));
        Context {
            task: Arc::new(task),
            queue: Arc::new(json!({"id": queue_id, "name": queue_name})),
            providers: object(),
            config: object(),
            worker: Arc::new(json!({"id": ""})),
            env: BTreeMap::new(),
            name: None,
            namespace: "default".to_owned(),
            default_image: None,
        }
    }

    /// The task's id; empty if it has none.
    pub fn task_id(&self) -> &str {
        self.task.get("id").and_then(Value::as_str).unwrap_or("")
    }

    /// The Pod's name: `clearml-id-` and the task's id, unless another was given.
    pub fn pod_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{POD_PREFIX}{}", self.task_id()))
    }

    /// The queue's id; empty if unknown.
    pub fn queue_id(&self) -> &str {
        self.queue.get("id").and_then(Value::as_str).unwrap_or("")
    }

    /// The queue's name; empty if unknown.
    pub fn queue_name(&self) -> &str {
        self.queue.get("name").and_then(Value::as_str).unwrap_or("")
    }
}

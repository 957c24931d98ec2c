//! What is known of one task when its Pod is made.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that rules may look at, beside the Pod.
#[derive(Debug, Clone)]
pub struct Context {
    /// The task, as `tasks.get_by_id` returns it; it has a text `id`.
    pub task: Arc<Value>,
    /// The queue's id and name.
    pub queue: Arc<Value>,
    /// Providers' information on the user.
    pub providers: Arc<Value>,
    /// The task's configuration.
    pub config: Arc<Value>,
    /// The worker: its id.
    pub worker: Arc<Value>,
    /// Environment variables that rules may list.
    pub env: BTreeMap<String, String>,
    /// The Pod's name, where it isn't made of the task's id.
    pub name: Option<String>,
    /// The Pod's namespace.
    pub namespace: String,
    /// The image of tasks that don't name one.
    pub default_image: Option<String>,
}

/// The prefix of a task Pod's name.
pub const POD_PREFIX: &str = "clearml-id-";

impl Context {
    /// The least there is: a task and its queue.
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

    /// The task's id.
    pub fn task_id(&self) -> &str {
        self.task.get("id").and_then(Value::as_str).unwrap_or("")
    }

    /// The Pod's name: `clearml-id-` and the task's id, unless another was given.
    pub fn pod_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{POD_PREFIX}{}", self.task_id()))
    }

    /// The queue's id.
    pub fn queue_id(&self) -> &str {
        self.queue.get("id").and_then(Value::as_str).unwrap_or("")
    }

    /// The queue's name.
    pub fn queue_name(&self) -> &str {
        self.queue.get("name").and_then(Value::as_str).unwrap_or("")
    }
}

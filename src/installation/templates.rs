//! The templates of queues, made once each.

use crate::source::Node;
use crate::source::helm::Values;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Templates that are kept: queues may have any name.
const MOST: usize = 1_000;

/// Templates by queue.
#[derive(Debug, Default)]
pub struct Templates(Mutex<HashMap<String, Arc<Node>>>);

impl Templates {
    /// The template that the values make for a queue.
    pub fn of(&self, values: &Values, queue: &str) -> Arc<Node> {
        if let Some(made) = self.lock().get(queue) {
            return made.clone();
        }
        // Without the lock: other queues needn't wait, and two that make the same one make it equal.
        let made = Arc::new(values.template(queue));
        let mut templates = self.lock();
        if templates.len() < MOST {
            templates.insert(queue.to_owned(), made.clone());
        }
        made
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Node>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

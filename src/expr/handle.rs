//! A handle to a place in a JSON document: what `task`, `pod` and the like are in expressions. Nothing is copied until
//! a scalar is reached. A missing field is `()`, and so is a field of `()`.

use super::from_json::scalar_from;
use crate::edit::{Editor, Pointer, Step};
use rhai::{Dynamic, ImmutableString};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The editor of the Pod, shared between a run and the handles in its expressions. The run swaps its editor in while an
/// expression or a script may look at the Pod, and out again afterwards.
#[derive(Debug, Clone, Default)]
pub struct LivePod(Arc<Mutex<Editor>>);

impl LivePod {
    /// Locks the editor. A panic elsewhere can't leave it half edited, because every change is one call.
    pub fn lock(&self) -> MutexGuard<'_, Editor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The document that a handle points into.
#[derive(Debug, Clone)]
pub(super) enum Root {
    /// One that never changes, such as the task.
    Data(Arc<Value>),
    /// The Pod, which a script may change.
    Pod(LivePod),
}

/// A document and a place in it. Rhai's scripts see it as an object or a list.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) root: Root,
    pub(super) at: Pointer,
}

impl Handle {
    /// A handle to the root of a document that doesn't change.
    pub fn data(value: Arc<Value>) -> Self {
        Handle { root: Root::Data(value), at: Pointer::root() }
    }

    /// A handle to a place in the Pod.
    pub fn pod(live: LivePod, at: Pointer) -> Self {
        Handle { root: Root::Pod(live), at }
    }

    /// Calls `read` with the value at the place; with null where there is none.
    pub fn with<T>(&self, read: impl FnOnce(&Value) -> T) -> T {
        match &self.root {
            Root::Data(value) => read(self.at.get(value).unwrap_or(&Value::Null)),
            Root::Pod(live) => read(live.lock().get(&self.at).unwrap_or(&Value::Null)),
        }
    }

    /// Copies the value at the place; null where there is none.
    pub fn snapshot(&self) -> Value {
        self.with(Value::clone)
    }

    /// What is one step further: a scalar itself, or a handle to a list or an object.
    pub fn child(&self, step: impl Into<Step>) -> Dynamic {
        self.moved(self.at.child(step)).into_dynamic()
    }

    /// The scalar at the place, or this handle if there is a list or an object.
    pub fn into_dynamic(self) -> Dynamic {
        match self.with(|value| (!value.is_array() && !value.is_object()).then(|| scalar_from(value))) {
            Some(scalar) => scalar,
            None => Dynamic::from(self),
        }
    }

    /// A handle to another place in the same document.
    pub(super) fn moved(&self, at: Pointer) -> Handle {
        Handle { root: self.root.clone(), at }
    }

    /// Whether this handle is for the place `at` of the document `root`. There is only one Pod at a time.
    pub(super) fn is_at(&self, root: &Root, at: &Pointer) -> bool {
        let same = match (&self.root, root) {
            (Root::Data(a), Root::Data(b)) => Arc::ptr_eq(a, b),
            (Root::Pod(_), Root::Pod(_)) => true,
            _ => false,
        };
        same && self.at == *at
    }
}

impl IntoIterator for Handle {
    type Item = Dynamic;
    type IntoIter = Box<dyn Iterator<Item = Dynamic>>;

    /// The elements of a list, or the keys of an object. Elements are read one by one: a task may hold a million.
    fn into_iter(self) -> Self::IntoIter {
        let keys = self.with(|value| {
            let map = value.as_object()?;
            Some(map.keys().map(|key| Dynamic::from(ImmutableString::from(key.as_str()))).collect::<Vec<_>>())
        });
        match keys {
            Some(keys) => Box::new(keys.into_iter()),
            None => {
                let len = self.with(|value| value.as_array().map_or(0, Vec::len));
                Box::new((0..len).map(move |index| self.child(index)))
            }
        }
    }
}

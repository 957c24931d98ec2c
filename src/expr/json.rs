//! A handle to a place in a JSON document, as expressions see `task`, `pod` and the like: nothing is copied until a
//! scalar is reached, a missing field is `()`, and so is a field of `()`.

use super::bounds::{self, Bound};
use super::convert::{scalar_from, to_value};
use super::script;
use crate::edit::{Editor, Pointer, Step};
use rhai::{Dynamic, Engine, EvalAltResult, INT, ImmutableString};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The Pod under edit, lent to an expression or a script while it runs.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Editor>>);

impl Live {
    /// The editor. A panic elsewhere can't leave it half edited: every change is one call.
    pub fn lock(&self) -> MutexGuard<'_, Editor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone)]
enum Root {
    Data(Arc<Value>),
    Pod(Live),
}

/// A place in a document.
#[derive(Debug, Clone)]
pub struct Json {
    root: Root,
    at: Pointer,
}

type Fallible<T> = Result<T, Box<EvalAltResult>>;

impl Json {
    /// A handle to a whole document that doesn't change.
    pub fn data(value: Arc<Value>) -> Self {
        Json { root: Root::Data(value), at: Pointer::root() }
    }

    /// A handle to a place in the Pod.
    pub fn pod(live: Live, at: Pointer) -> Self {
        Json { root: Root::Pod(live), at }
    }

    /// Reads the value at the place; null where nothing is.
    pub fn with<T>(&self, read: impl FnOnce(&Value) -> T) -> T {
        match &self.root {
            Root::Data(value) => read(self.at.get(value).unwrap_or(&Value::Null)),
            Root::Pod(live) => read(live.lock().get(&self.at).unwrap_or(&Value::Null)),
        }
    }

    /// A copy of the value.
    pub fn snapshot(&self) -> Value {
        self.with(Value::clone)
    }

    /// The value one step further: a scalar itself, or a handle.
    pub fn child(&self, step: impl Into<Step>) -> Dynamic {
        let child = Json { root: self.root.clone(), at: self.at.child(step) };
        child.into_dynamic()
    }

    /// The scalar at the place, or a handle to the list or object there.
    pub fn into_dynamic(self) -> Dynamic {
        match self.with(|value| (!value.is_array() && !value.is_object()).then(|| scalar_from(value))) {
            Some(scalar) => scalar,
            None => Dynamic::from(self),
        }
    }

    fn is_at(&self, root: &Root, at: &Pointer) -> bool {
        let same = match (&self.root, root) {
            (Root::Data(a), Root::Data(b)) => Arc::ptr_eq(a, b),
            (Root::Pod(_), Root::Pod(_)) => true,
            _ => false,
        };
        same && self.at == *at
    }

    fn item(&self, index: INT) -> Dynamic {
        let len = self.with(|value| value.as_array().map_or(0, Vec::len));
        match usize::try_from(if index < 0 { index + len as INT } else { index }) {
            Ok(index) if index < len => self.child(index),
            _ => Dynamic::UNIT,
        }
    }

    fn get_dotted(&self, path: &str) -> Dynamic {
        let mut at = self.at.clone();
        for part in path.split('.') {
            at.push(part);
        }
        Json { root: self.root.clone(), at }.into_dynamic()
    }

    fn len(&self) -> INT {
        self.with(|value| match value {
            Value::Array(list) => list.len() as INT,
            Value::Object(map) => map.len() as INT,
            _ => 0,
        })
    }

    fn contains(&self, wanted: &Dynamic) -> Fallible<bool> {
        let wanted = to_value(wanted)?;
        Ok(self.with(|value| match (value, &wanted) {
            (Value::Array(list), wanted) => list.contains(wanted),
            (Value::Object(map), Value::String(key)) => map.contains_key(key),
            _ => false,
        }))
    }

    fn set(&self, step: Step, value: &Dynamic) -> Fallible<()> {
        let at = self.at.child(step);
        // After a method call Rhai writes the part it was called on back into the whole, changed or not: a handle to this
        // very place, or a scalar that is there already.
        if value.read_lock::<Json>().is_some_and(|part| part.is_at(&self.root, &at)) {
            return Ok(());
        }
        let value = to_value(value)?;
        let there = Json { root: self.root.clone(), at: at.clone() };
        if there.with(|there| *there == value && !there.is_null()) {
            return Ok(());
        }
        self.edit(|editor| editor.set_creating(&at, value))
    }

    fn edit(&self, change: impl FnOnce(&mut Editor) -> Result<(), crate::edit::EditError>) -> Fallible<()> {
        match &self.root {
            Root::Data(_) => Err("only `pod` can be changed".into()),
            Root::Pod(_) if !script::running() => {
                Err("`pod` is read-only in expressions; change it in a `script`".into())
            }
            Root::Pod(live) => {
                let done = change(&mut live.lock());
                done.map_err(|error| {
                    if error.is_limit() {
                        bounds::hit(Bound::Pod);
                    }
                    error.to_string().into()
                })
            }
        }
    }

    fn push(&self, value: &Dynamic) -> Fallible<()> {
        let value = to_value(value)?;
        self.edit(|editor| {
            editor.ensure_list(&self.at)?;
            let len = editor.get(&self.at).and_then(Value::as_array).map_or(0, Vec::len);
            editor.insert(&self.at, len, value)
        })
    }

    fn insert(&self, index: INT, value: &Dynamic) -> Fallible<()> {
        let value = to_value(value)?;
        let index = usize::try_from(index).map_err(|_| "an index must not be negative here".to_owned())?;
        self.edit(|editor| editor.insert(&self.at, index, value))
    }

    fn remove(&self, step: Step) -> Fallible<Dynamic> {
        let at = self.at.child(step);
        let removed = match &self.root {
            Root::Pod(live) => live.lock().get(&at).cloned(),
            Root::Data(_) => None,
        };
        match removed {
            Some(value) => self.edit(|editor| editor.remove(&at)).map(|()| super::convert::from_value(&value)),
            None => self.edit(|_| Ok(())).map(|()| Dynamic::UNIT),
        }
    }
}

impl IntoIterator for Json {
    type Item = Dynamic;
    type IntoIter = Box<dyn Iterator<Item = Dynamic>>;

    /// The elements of a list; the keys of an object. Elements are taken one by one: a task may hold a million.
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

/// Gives Rhai the handle's properties, indexes and methods.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Json>("object")
        .register_indexer_get(|json: &mut Json, key: ImmutableString| json.child(key.as_str()))
        .register_indexer_get(|json: &mut Json, index: INT| json.item(index))
        .register_indexer_set(|json: &mut Json, key: ImmutableString, value: Dynamic| {
            json.set(key.as_str().into(), &value)
        })
        .register_indexer_set(|json: &mut Json, index: INT, value: Dynamic| match usize::try_from(index) {
            Ok(index) => json.set(index.into(), &value),
            Err(_) => Err("an index must not be negative here".into()),
        })
        .register_indexer_get(|(): &mut (), _: ImmutableString| Dynamic::UNIT)
        .register_indexer_get(|(): &mut (), _: INT| Dynamic::UNIT)
        .register_iterator::<Json>()
        .register_fn("get", |json: &mut Json, path: ImmutableString| json.get_dotted(&path))
        .register_fn("get", |json: &mut Json, path: ImmutableString, default: Dynamic| {
            let found = json.get_dotted(&path);
            if found.is_unit() { default } else { found }
        })
        .register_fn("get", |(): &mut (), _: ImmutableString| Dynamic::UNIT)
        .register_fn("get", |(): &mut (), _: ImmutableString, default: Dynamic| default)
        .register_fn("len", |json: &mut Json| json.len())
        .register_get("len", |json: &mut Json| json.len())
        .register_fn("is_empty", |json: &mut Json| json.len() == 0)
        .register_fn("contains", |json: &mut Json, wanted: Dynamic| json.contains(&wanted))
        .register_fn("contains", |(): &mut (), _: Dynamic| false)
        .register_fn("len", |(): &mut ()| 0 as INT)
        .register_fn("keys", |json: &mut Json| {
            json.with(|v| v.as_object().map(|m| m.keys().map(|k| Dynamic::from(k.clone())).collect::<rhai::Array>()))
                .unwrap_or_default()
        })
        .register_fn("values", |json: &mut Json| -> rhai::Array {
            json.clone()
                .into_iter()
                .map(|key| match key.clone().into_immutable_string() {
                    Ok(name) if json.with(Value::is_object) => json.child(name.as_str()),
                    _ => key,
                })
                .collect()
        })
        .register_fn("push", |json: &mut Json, value: Dynamic| json.push(&value))
        .register_fn("insert", |json: &mut Json, index: INT, value: Dynamic| json.insert(index, &value))
        .register_fn("remove", |json: &mut Json, key: ImmutableString| json.remove(key.as_str().into()))
        .register_fn("remove", |json: &mut Json, index: INT| match usize::try_from(index) {
            Ok(index) => json.remove(index.into()),
            Err(_) => Err("an index must not be negative here".into()),
        })
        .register_fn("copy", |json: &mut Json| super::convert::from_value(&json.snapshot()))
        .register_fn("to_string", |json: &mut Json| json.snapshot().to_string())
        .register_fn("to_debug", |json: &mut Json| json.snapshot().to_string())
        .register_fn("==", |a: Json, b: Json| a.snapshot() == b.snapshot())
        .register_fn("!=", |a: Json, b: Json| a.snapshot() != b.snapshot())
        .register_fn("==", |a: Json, b: rhai::Array| same(&a, Dynamic::from_array(b)))
        .register_fn("!=", |a: Json, b: rhai::Array| !same(&a, Dynamic::from_array(b)))
        .register_fn("==", |a: Json, b: rhai::Map| same(&a, Dynamic::from_map(b)))
        .register_fn("!=", |a: Json, b: rhai::Map| !same(&a, Dynamic::from_map(b)));
}

fn same(json: &Json, other: Dynamic) -> bool {
    to_value(&other).is_ok_and(|other| json.with(|value| *value == other))
}

//! What expressions and scripts can do with a handle: its fields, indexes and methods.

use super::bounds::{self, Bound};
use super::from_json::from_value;
use super::handle::{Handle, Root};
use super::running;
use super::to_json::to_value;
use crate::edit::{EditError, Editor, Step};
use rhai::{Dynamic, Engine, EvalAltResult, INT, ImmutableString};
use serde_json::Value;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

impl Handle {
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
        self.moved(at).into_dynamic()
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
        // After a method call Rhai writes the receiver back into its parent, changed or not: that is a handle to this
        // very place, or a scalar that is there already.
        if value.read_lock::<Handle>().is_some_and(|part| part.is_at(&self.root, &at)) {
            return Ok(());
        }
        let value = to_value(value)?;
        let there = self.moved(at.clone());
        if there.with(|there| *there == value && !there.is_null()) {
            return Ok(());
        }
        self.edit(|editor| editor.set_creating(&at, value))
    }

    fn edit(&self, change: impl FnOnce(&mut Editor) -> Result<(), EditError>) -> Fallible<()> {
        match &self.root {
            Root::Data(_) => Err("only `pod` can be changed".into()),
            Root::Pod(_) if !running::is_script() => {
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
            Some(value) => self.edit(|editor| editor.remove(&at)).map(|()| from_value(&value)),
            None => self.edit(|_| Ok(())).map(|()| Dynamic::UNIT),
        }
    }
}

/// Registers the properties, indexes and methods of a handle.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Handle>("object")
        .register_indexer_get(|handle: &mut Handle, key: ImmutableString| handle.child(key.as_str()))
        .register_indexer_get(|handle: &mut Handle, index: INT| handle.item(index))
        .register_indexer_set(|handle: &mut Handle, key: ImmutableString, value: Dynamic| {
            handle.set(key.as_str().into(), &value)
        })
        .register_indexer_set(|handle: &mut Handle, index: INT, value: Dynamic| match usize::try_from(index) {
            Ok(index) => handle.set(index.into(), &value),
            Err(_) => Err("an index must not be negative here".into()),
        })
        .register_indexer_get(|(): &mut (), _: ImmutableString| Dynamic::UNIT)
        .register_indexer_get(|(): &mut (), _: INT| Dynamic::UNIT)
        .register_iterator::<Handle>()
        .register_fn("get", |handle: &mut Handle, path: ImmutableString| handle.get_dotted(&path))
        .register_fn("get", |handle: &mut Handle, path: ImmutableString, default: Dynamic| {
            let found = handle.get_dotted(&path);
            if found.is_unit() { default } else { found }
        })
        .register_fn("get", |(): &mut (), _: ImmutableString| Dynamic::UNIT)
        .register_fn("get", |(): &mut (), _: ImmutableString, default: Dynamic| default)
        .register_fn("len", |handle: &mut Handle| handle.len())
        .register_get("len", |handle: &mut Handle| handle.len())
        .register_fn("is_empty", |handle: &mut Handle| handle.len() == 0)
        .register_fn("contains", |handle: &mut Handle, wanted: Dynamic| handle.contains(&wanted))
        .register_fn("contains", |(): &mut (), _: Dynamic| false)
        .register_fn("len", |(): &mut ()| 0 as INT)
        .register_fn("keys", |handle: &mut Handle| {
            handle
                .with(|v| v.as_object().map(|m| m.keys().map(|k| Dynamic::from(k.clone())).collect::<rhai::Array>()))
                .unwrap_or_default()
        })
        .register_fn("values", |handle: &mut Handle| -> rhai::Array {
            handle
                .clone()
                .into_iter()
                .map(|key| match key.clone().into_immutable_string() {
                    Ok(name) if handle.with(Value::is_object) => handle.child(name.as_str()),
                    _ => key,
                })
                .collect()
        })
        .register_fn("push", |handle: &mut Handle, value: Dynamic| handle.push(&value))
        .register_fn("insert", |handle: &mut Handle, index: INT, value: Dynamic| handle.insert(index, &value))
        .register_fn("remove", |handle: &mut Handle, key: ImmutableString| handle.remove(key.as_str().into()))
        .register_fn("remove", |handle: &mut Handle, index: INT| match usize::try_from(index) {
            Ok(index) => handle.remove(index.into()),
            Err(_) => Err("an index must not be negative here".into()),
        })
        .register_fn("copy", |handle: &mut Handle| from_value(&handle.snapshot()))
        .register_fn("to_string", |handle: &mut Handle| handle.snapshot().to_string())
        .register_fn("to_debug", |handle: &mut Handle| handle.snapshot().to_string())
        .register_fn("==", |a: Handle, b: Handle| a.snapshot() == b.snapshot())
        .register_fn("!=", |a: Handle, b: Handle| a.snapshot() != b.snapshot())
        .register_fn("==", |a: Handle, b: rhai::Array| same(&a, Dynamic::from_array(b)))
        .register_fn("!=", |a: Handle, b: rhai::Array| !same(&a, Dynamic::from_array(b)))
        .register_fn("==", |a: Handle, b: rhai::Map| same(&a, Dynamic::from_map(b)))
        .register_fn("!=", |a: Handle, b: rhai::Map| !same(&a, Dynamic::from_map(b)));
}

fn same(handle: &Handle, other: Dynamic) -> bool {
    to_value(&other).is_ok_and(|other| handle.with(|value| *value == other))
}

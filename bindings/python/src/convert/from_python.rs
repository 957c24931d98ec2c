//! Python values to JSON values.
//!
//! Built-in types are recognised by their exact type, and reading them runs no Python code, so a dictionary can't change
//! while it is read. If there is any other type, reading starts again with copies of all dictionaries, because the methods of
//! such a type may let other threads run.

use super::keys::{self, Lent};
use podrules::edit::{Pointer, Step};
use podrules::text::shortened;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};
use serde_json::{Map, Number, Value};

/// The maximum depth of a value.
const MAX_DEPTH: usize = 100;
/// The maximum size of a value in bytes: the length of its texts, and `PART_BYTES` for each part.
const MAX_BYTES: usize = 64 << 20;
/// The assumed size of a part beside its text.
const PART_BYTES: usize = 32;
/// Characters of a text that a message quotes.
const MAX_TEXT: usize = 80;
/// Steps of a path that a message shows.
const MAX_STEPS: usize = 12;

/// The types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The types of JSON, tuples, and mappings.
    Json,
    /// Also ClearML's types: models, configurations, enumerations, and times.
    ClearMl,
}

/// Why a value can't be read.
#[derive(Debug)]
pub struct Refused {
    message: String,
    /// The path to the part that can't be read, from the inside out.
    steps: Vec<Step>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(Refused { message: message.into(), steps: Vec::new() })
    }

    /// The path, and why its value can't be read.
    pub fn message(mut self) -> String {
        self.steps.reverse();
        let more = self.steps.len() > MAX_STEPS;
        self.steps.truncate(MAX_STEPS);
        let mut at = Pointer::root();
        self.steps.into_iter().for_each(|step| at.push(step));
        format!("{at}{}: {}", if more { "…" } else { "" }, self.message)
    }
}

enum Stop {
    Refused(Box<Refused>),
    /// The quick reader found a type that isn't built in.
    Unusual,
}

impl Stop {
    fn within(mut self, step: impl FnOnce() -> Step) -> Self {
        if let Stop::Refused(refused) = &mut self {
            refused.steps.push(step());
        }
        self
    }
}

fn refuse(message: impl Into<String>) -> Stop {
    Stop::Refused(Refused::new(message))
}

/// Reads a Python value.
///
/// # Errors
/// A part of the value has no equivalent in JSON, or the value is too large or too deep.
pub fn read(object: &Bound<'_, PyAny>, take: Take) -> Result<Value, Box<Refused>> {
    // Every task has new strings, while templates have the same string objects again and again.
    let keys = if take == Take::Json { keys::lend() } else { Lent::nothing() };
    let stop = match (Reader { left: MAX_BYTES, depth: 0, take, quick: true, keys }).value(object) {
        Err(Stop::Unusual) => {
            Reader { left: MAX_BYTES, depth: 0, take, quick: false, keys: Lent::nothing() }.value(object)
        }
        done => done,
    };
    stop.map_err(|stop| match stop {
        Stop::Refused(refused) => refused,
        // Only the quick reader returns this.
        Stop::Unusual => Refused::new("it can't be read"),
    })
}

struct Reader {
    left: usize,
    depth: usize,
    take: Take,
    quick: bool,
    keys: Lent,
}

impl Reader {
    fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        match self.left.checked_sub(bytes + PART_BYTES) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(refuse(format!("the value is larger than {} MiB", MAX_BYTES >> 20))),
        }
    }

    fn value(&mut self, object: &Bound<'_, PyAny>) -> Result<Value, Stop> {
        if let Ok(text) = object.cast_exact::<PyString>() {
            return self.text(text).map(Value::String);
        }
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            return self.nested(object, |reader| reader.dict(dict));
        }
        if let Ok(list) = object.cast_exact::<PyList>() {
            return self.nested(object, |reader| reader.list(list.len(), list.iter()));
        }
        self.spend(0)?;
        if object.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(boolean) = object.cast_exact::<PyBool>() {
            return Ok(Value::Bool(boolean.is_true()));
        }
        if object.is_exact_instance_of::<PyInt>() {
            return integer(object);
        }
        if let Ok(float) = object.cast_exact::<PyFloat>() {
            return real(float.value());
        }
        if self.quick {
            return Err(Stop::Unusual);
        }
        self.nested(object, |reader| reader.unusual(object))
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Result<String, Stop> {
        let text = self.keys.text(text);
        let text = text.map_err(|_| refuse("the text contains an unpaired surrogate"))?;
        self.spend(text.len())?;
        Ok(text)
    }

    fn nested(
        &mut self,
        object: &Bound<'_, PyAny>,
        inside: impl FnOnce(&mut Self) -> Result<Value, Stop>,
    ) -> Result<Value, Stop> {
        if self.depth == MAX_DEPTH {
            let name = type_name(object);
            return Err(refuse(format!("this {name} nests deeper than {MAX_DEPTH} levels, or contains itself")));
        }
        self.depth += 1;
        let done = inside(self);
        self.depth -= 1;
        done
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>) -> Result<Value, Stop> {
        self.spend(0)?;
        let mut map = Map::with_capacity(dict.len());
        if self.quick {
            for (key, value) in dict.iter() {
                self.entry(&mut map, &key, &value)?;
            }
        } else {
            for (key, value) in dict.copy().map_err(raised)?.iter() {
                self.entry(&mut map, &key, &value)?;
            }
        }
        Ok(Value::Object(map))
    }

    fn entry(
        &mut self,
        map: &mut Map<String, Value>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> Result<(), Stop> {
        let Ok(name) = key.cast::<PyString>() else {
            let shown =
                key.repr().map_or_else(|_| "a key".to_owned(), |repr| shortened(repr.to_string_lossy(), MAX_TEXT));
            return Err(refuse(format!("the key {shown} is of type {}; keys must be strings", type_name(key))));
        };
        let name = self.text(name)?;
        match self.value(value) {
            Ok(value) => {
                map.insert(name, value);
                Ok(())
            }
            Err(stop) => Err(stop.within(|| Step::from(name.as_str()))),
        }
    }

    fn list<'py>(&mut self, len: usize, items: impl Iterator<Item = Bound<'py, PyAny>>) -> Result<Value, Stop> {
        self.spend(0)?;
        let mut list = Vec::with_capacity(len);
        for (index, item) in items.enumerate() {
            list.push(self.value(&item).map_err(|stop| stop.within(|| Step::from(index)))?);
        }
        Ok(Value::Array(list))
    }

    /// Reads values of other types: subclasses of built-in types, tuples, mappings, ClearML's types.
    fn unusual(&mut self, object: &Bound<'_, PyAny>) -> Result<Value, Stop> {
        let kind = object.get_type();
        let clearml = self.take == Take::ClearMl;
        if clearml && let Some(value) = enum_value(object)? {
            return self.value(&value);
        }
        if let Ok(text) = object.cast::<PyString>() {
            return self.text(text).map(Value::String);
        }
        if let Ok(tuple) = object.cast::<PyTuple>() {
            return self.list(tuple.len(), tuple.iter());
        }
        if let Ok(list) = object.cast::<PyList>() {
            return self.list(list.len(), list.iter());
        }
        if object.is_instance_of::<PyInt>() {
            return integer(object);
        }
        if let Ok(float) = object.cast::<PyFloat>() {
            return real(float.value());
        }
        if clearml {
            // Looked up in the class: an instance of a configuration has every attribute.
            for method in ["as_plain_ordered_dict", "to_dict"] {
                if kind.hasattr(method).unwrap_or(false) {
                    return self.value(&object.call_method0(method).map_err(raised)?);
                }
            }
            if let Some(text) = time_text(object)? {
                return self.value(&text);
            }
        }
        if let Ok(mapping) = object.cast::<PyMapping>() {
            self.spend(0)?;
            let mut map = Map::new();
            for item in mapping.items().map_err(raised)?.iter() {
                let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(raised)?;
                self.entry(&mut map, &key, &value)?;
            }
            return Ok(Value::Object(map));
        }
        Err(refuse(format!("a value of type {} can't be written as JSON", type_name(object))))
    }
}

fn integer(object: &Bound<'_, PyAny>) -> Result<Value, Stop> {
    if let Ok(number) = object.extract::<i64>() {
        return Ok(Value::Number(number.into()));
    }
    match object.extract::<u64>() {
        Ok(number) => Ok(Value::Number(number.into())),
        Err(_) => Err(refuse("the integer doesn't fit into 64 bits")),
    }
}

fn real(number: f64) -> Result<Value, Stop> {
    match Number::from_f64(number) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(refuse(format!("{number} can't be written as a JSON number"))),
    }
}

fn raised(error: PyErr) -> Stop {
    refuse(format!("reading it raised {}", shortened(error.to_string(), MAX_TEXT)))
}

/// The name of an object's type, qualified by its module unless it is built in.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    let kind = object.get_type();
    kind.fully_qualified_name().map_or_else(|_| "value".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn enum_value<'py>(object: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Stop> {
    static ENUM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = ENUM.import(object.py(), "enum", "Enum").map_err(raised)?;
    if !object.is_instance(class).map_err(raised)? {
        return Ok(None);
    }
    object.getattr("value").map(Some).map_err(raised)
}

/// The ISO text of a date, a time, or both.
fn time_text<'py>(object: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Stop> {
    static DATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static TIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = object.py();
    let date = DATE.import(py, "datetime", "date").map_err(raised)?;
    let time = TIME.import(py, "datetime", "time").map_err(raised)?;
    if !object.is_instance(date).map_err(raised)? && !object.is_instance(time).map_err(raised)? {
        return Ok(None);
    }
    object.call_method0("isoformat").map(Some).map_err(raised)
}

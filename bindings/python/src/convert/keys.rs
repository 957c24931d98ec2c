//! Strings that come again and again: the keys of Pods.
//!
//! A template is read and made anew for every task. Python hands its strings out only as copies, and a new string costs
//! an allocation and a hash; so those that were seen before are kept, on both sides.

use pyo3::prelude::*;
use pyo3::types::PyString;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard};

/// What is remembered of keys. Only who is attached to Python uses it, and nobody waits for it: a thread that finds it
/// taken does without.
pub struct Keys {
    /// Python's string for a text.
    by_text: HashMap<Box<str>, Py<PyString>, BuildHasherDefault<Fnv>>,
    /// The text of a string that Python still holds the same object for. Strings never change, and one that is kept here
    /// keeps its address.
    by_object: Vec<Option<(Py<PyString>, Box<str>)>>,
}

static KEYS: Mutex<Option<Keys>> = Mutex::new(None);

/// Strings kept, on either side.
const MOST: usize = 1024;
/// Bytes of the longest that is kept.
const LONGEST: usize = 64;

/// The keys, while nobody else uses them.
pub struct Lent(Option<MutexGuard<'static, Option<Keys>>>);

/// Borrows the keys.
pub fn lend() -> Lent {
    let mut guard = KEYS.try_lock().ok();
    if let Some(guard) = &mut guard {
        guard.get_or_insert_with(|| {
            let mut by_object = Vec::new();
            by_object.resize_with(MOST, || None);
            Keys { by_text: HashMap::default(), by_object }
        });
    }
    Lent(guard)
}

impl Lent {
    /// Without what was seen before.
    pub fn nothing() -> Self {
        Lent(None)
    }

    fn keys(&mut self) -> Option<&mut Keys> {
        self.0.as_mut().and_then(|guard| guard.as_mut())
    }

    /// Python's string for a text.
    pub fn object<'py>(&mut self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        let Some(keys) = self.keys().filter(|_| text.len() <= LONGEST) else { return PyString::new(py, text) };
        if let Some(known) = keys.by_text.get(text) {
            return known.bind(py).clone();
        }
        if keys.by_text.len() >= MOST {
            keys.by_text.clear();
        }
        let object = PyString::new(py, text);
        keys.by_text.insert(text.into(), object.clone().unbind());
        object
    }

    /// The text of one of Python's strings; an error if it is none in UTF-8.
    pub fn text(&mut self, object: &Bound<'_, PyString>) -> PyResult<String> {
        let Some(keys) = self.keys() else { return Ok(object.to_cow()?.into_owned()) };
        let slot = (object.as_ptr() as usize >> 4) % MOST;
        if let Some((known, text)) = &keys.by_object[slot]
            && known.is(object)
        {
            return Ok(text.as_ref().to_owned());
        }
        let text = object.to_cow()?.into_owned();
        if text.len() <= LONGEST {
            keys.by_object[slot] = Some((object.clone().unbind(), text.as_str().into()));
        }
        Ok(text)
    }
}

/// Fowler–Noll–Vo: for short texts. Who can choose a Pod's keys gains nothing by making few of them collide.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

//! A cache for strings that occur again and again: the keys of Pods.
//!
//! Every task reads and writes a template. Python returns its strings only as copies, and a new Python string takes an
//! allocation and a hash, so strings that were seen before are cached in both directions.

use pyo3::prelude::*;
use pyo3::types::PyString;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard};

/// The cached keys. They are used only while attached to Python, and nobody waits for them: if another thread uses them, a
/// thread works without.
pub struct Keys {
    /// The Python string for a text.
    by_text: HashMap<Box<str>, Py<PyString>, BuildHasherDefault<Fnv>>,
    /// The text of a Python string, by the object's address. Strings are immutable, and an object that is kept here keeps its
    /// address.
    by_object: Vec<Option<(Py<PyString>, Box<str>)>>,
}

static KEYS: Mutex<Option<Keys>> = Mutex::new(None);

/// The number of strings that are cached, in each direction.
const MOST: usize = 1024;
/// The length in bytes of the longest string that is cached.
const LONGEST: usize = 64;

/// The cached keys, borrowed for one conversion; nothing if another thread uses them.
pub struct Lent(Option<MutexGuard<'static, Option<Keys>>>);

/// Borrows the cached keys if no other thread uses them.
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
    /// No cached keys.
    pub fn nothing() -> Self {
        Lent(None)
    }

    fn keys(&mut self) -> Option<&mut Keys> {
        self.0.as_mut().and_then(|guard| guard.as_mut())
    }

    /// The Python string for a text.
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

    /// The text of a Python string.
    ///
    /// # Errors
    /// The string has no UTF-8 form.
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

/// Fowler–Noll–Vo, which is fast for short texts. Nobody gains anything by choosing keys that collide.
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

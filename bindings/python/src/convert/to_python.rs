//! JSON values to Python values.

use super::keys::{self, Lent};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use serde_json::Value;

/// Creates a Python value. All its parts are new except for keys, which are shared strings.
///
/// # Errors
/// Python can't allocate it.
pub fn write<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Writer { py, keys: keys::lend() }.value(value)
}

struct Writer<'py> {
    py: Python<'py>,
    keys: Lent,
}

impl<'py> Writer<'py> {
    fn value(&mut self, value: &Value) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        Ok(match value {
            Value::Null => py.None().into_bound(py),
            Value::Bool(boolean) => PyBool::new(py, *boolean).to_owned().into_any(),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => PyInt::new(py, number).into_any(),
                (_, Some(number), _) => PyInt::new(py, number).into_any(),
                (_, _, number) => PyFloat::new(py, number.unwrap_or(f64::NAN)).into_any(),
            },
            Value::String(text) => PyString::new(py, text).into_any(),
            Value::Array(items) => {
                let list = PyList::empty(py);
                for item in items {
                    list.append(self.value(item)?)?;
                }
                list.into_any()
            }
            Value::Object(map) => {
                let dict = PyDict::new(py);
                for (key, value) in map {
                    dict.set_item(self.keys.object(py, key), self.value(value)?)?;
                }
                dict.into_any()
            }
        })
    }
}

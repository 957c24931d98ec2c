//! Python values to JSON values and back, in one pass without an intermediate form.

mod from_python;
mod keys;
mod to_python;

pub use from_python::{Take, read, type_name};
pub use to_python::write;

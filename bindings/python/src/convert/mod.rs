//! Python values to JSON values and back, without a detour: both trees are walked once.

mod from_python;
mod keys;
mod to_python;

pub use from_python::{Take, read, type_name};
pub use to_python::write;

//! Expressions: the Rhai engine with podrules' functions and limits, `${ }` in strings, and ClearML's own
//! `${CLEARML_…}` strings.
//!
//! Everything is compiled once, at load. At run time a [scope](scope::scope) is made once a task and a set of `vars`;
//! an expression reads the live Pod through a handle, so nothing is copied for it.

mod bounds;
pub mod clearml;
mod compile;
mod convert;
mod engine;
mod functions;
mod interpolate;
mod json;
pub mod scope;
pub mod script;
mod task;

pub use bounds::MAX_OPERATIONS;
pub use compile::{Expression, Names, Script, expression, expressions, script};
pub use convert::{from_value, to_value};
pub use engine::{Language, MAX_EXPRESSIONS};
pub use interpolate::{Part, Piece, ValueExpr, pieces};
pub use json::{Json, Live};

//! Expressions: the Rhai engine with podrules' functions and limits, `${ }` in strings, and ClearML's own
//! `${CLEARML_…}` strings.
//!
//! Everything is compiled once, at load. At run time a [scope](scope::scope) is made once per task and file of rules. An
//! expression reads the Pod through a [handle](Handle), so nothing is copied for it.

mod access;
mod bounds;
pub mod clearml;
mod compile;
mod engine;
mod expression;
mod failure;
mod from_json;
mod functions;
mod handle;
mod interpolate;
mod parts;
mod running;
pub mod scope;
pub mod script;
mod task;
mod to_json;

pub use bounds::MAX_OPERATIONS;
pub use compile::{Names, expression, expressions, script};
pub use engine::{Language, MAX_EXPRESSIONS};
pub use expression::{Expression, Lines, Script};
pub use from_json::from_value;
pub use handle::{Handle, LivePod};
pub use interpolate::{Part, Piece, ValueExpr, pieces};
pub use parts::{Parts, parts};
pub use to_json::to_value;

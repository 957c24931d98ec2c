//! Nodes to what was written: every mistake in a mapping is reported, not only the first.

mod fields;
mod partial;
mod record;
mod schema;
mod value;

pub use fields::{Fields, expanded, unknown_key};
pub use partial::{Partial, Partly, StandIn};
pub use schema::{object_or_text, object_schema};
pub use value::{Read, Record, not_a_word, wrong};

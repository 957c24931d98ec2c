//! What is known of Pods: which fields there are, which container is the task's, how lists merge, what names and
//! quantities are valid, and what the API server would refuse.
//!
//! Nothing here edits a Pod on its own account: [`strategic`] does it through the [`Editor`](crate::edit::Editor) it's
//! given, everything else only reads.

pub mod check;
pub mod containers;
pub mod job;
pub mod merge_keys;
pub mod names;
pub mod quantity;
pub mod schema;
pub mod strategic;

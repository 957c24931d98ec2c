//! What is known about Pods: their fields, which container is the task's, how lists merge, which names and quantities are
//! valid, and what the API server would refuse.
//!
//! Only [`strategic`] edits a Pod, through the [`Editor`](crate::edit::Editor) that it is given; everything else reads.

pub mod check;
pub mod containers;
pub mod job;
pub mod merge_keys;
pub mod names;
pub mod quantity;
pub mod schema;
pub mod strategic;

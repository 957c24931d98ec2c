//! Tasks from a source to Pods, each followed to its end. State lives in the cluster and in the source, not here: this process
//! may be killed at any moment, and the next one goes on.
//!
//! ```text
//! source    where tasks come from, and where it is told what became of them
//! ```

mod source;

pub use source::{End, Fate, Report, Room, SourceFault, Task, TaskSource};

//! How long a companion lives: rules say it, a cluster keeps it as a label.

use crate::words;

words! {
    /// How long a companion lives.
    pub enum Lifetime {
        /// As long as the Pod.
        Pod = "pod",
        /// Until the task ends, over relaunches.
        Task = "task",
        /// For good: it is never removed by podrules.
        Keep = "keep",
    }
}

impl Lifetime {
    /// The word as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Lifetime::Pod => "pod",
            Lifetime::Task => "task",
            Lifetime::Keep => "keep",
        }
    }
}

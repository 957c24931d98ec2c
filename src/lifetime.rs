//! How long a companion is kept: written in rules, stored in the cluster as a label.

use crate::words;

words! {
    /// How long a companion is kept.
    pub enum Lifetime {
        /// As long as the Pod exists.
        Pod = "pod",
        /// Until the task ends, across relaunches.
        Task = "task",
        /// Forever: podrules never removes it.
        Keep = "keep",
    }
}

impl Lifetime {
    /// The word for it in rules and in the label.
    pub fn word(self) -> &'static str {
        match self {
            Lifetime::Pod => "pod",
            Lifetime::Task => "task",
            Lifetime::Keep => "keep",
        }
    }
}

//! `podrules run`: what becomes of tasks, one behaviour a test.
//!
//! ```text
//! agent     the process, its tasks, and what it says
//! witness   every Pod that ever was in a namespace
//! plane     a control plane that may be broken
//! checks    that no task was lost, and none launched twice
//! ```

pub mod agent;
pub mod checks;
pub mod plane;
pub mod witness;

mod companions;
mod deletion;
mod follow;
mod limits;
mod namespaces;
mod replicas;
mod role;
mod watching;

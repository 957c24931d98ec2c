//! `podrules run` and its tasks, one behaviour per test.
//!
//! ```text
//! agent     the process, its tasks, and what it reports
//! witness   every Pod that ever existed in a namespace
//! plane     a control plane that tests may break
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

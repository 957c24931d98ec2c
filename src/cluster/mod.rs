//! An outcome on a cluster: companions first, then the Pod, then who owns what. Everything here speaks to the API server.
//!
//! ```text
//! client    kubeconfig, or the Pod we run in → how to reach the cluster
//! connect   the connection to it
//! request   one request: its time, its retries, what became of it
//! objects   manifests → objects the cluster knows: their kinds, names, labels
//! launch    the order of a launch, and the way back if it fails
//! wait      what becomes of the Pod
//! errors    what the API server says → findings, each with the field it is about
//! ```
//!
//! Nothing here knows of rules and their places: a [`Finding`] names the object and the field, and who asked for the launch
//! knows who wrote it.

mod client;
mod connect;
mod errors;
mod field;
mod launch;
mod objects;
mod request;
mod wait;

pub use client::Access;
#[cfg(all(feature = "agent", unix))]
pub(crate) use client::chain;
pub use errors::{Finding, Subject};
pub use launch::{Done, Launch, Options, What};
pub use objects::{Object, Wanted, described, prepare};
pub use request::Cluster;
pub use wait::wait;

/// The field manager of everything that podrules applies.
pub const MANAGER: &str = "podrules";
/// The label that says for which task an object was made.
pub const TASK_LABEL: &str = "podrules.io/task-id";
/// The label that says which rule asked for a companion.
pub const RULE_LABEL: &str = "podrules.io/rule";
/// The label that says how long a companion lives.
pub const LIFETIME_LABEL: &str = "podrules.io/lifetime";

//! An outcome on a cluster: companions first, then the Pod, then who owns what. Everything here speaks to the API server.
//!
//! ```text
//! client    kubeconfig, or the Pod we run in → how to reach the cluster
//! connect   the connection to it
//! request   one request: its time, its retries, what became of it
//! objects   manifests → objects with their names and labels
//! kinds     what the cluster calls their kinds
//! launch    the order of a launch, and the way back if it fails: for people
//! create    the same with as few requests as there can be: for an agent
//! labelled  what is known by its labels: listed, removed, let go
//! status    what a Pod's status says
//! wait      what becomes of the Pod
//! errors    what the API server says → findings, each with the field it is about
//! ```
//!
//! Nothing here knows of rules and their places: a [`Finding`] names the object and the field, and who asked for the launch
//! knows who wrote it.

mod client;
mod connect;
mod create;
mod errors;
mod field;
mod kinds;
mod labelled;
mod launch;
mod objects;
mod request;
mod status;
mod wait;

pub use client::{Access, chain};
pub use connect::Observer;
pub use create::{Created, Failed, Retry, Step, create};
pub use errors::{Finding, Subject};
pub use kinds::Kinds;
pub use labelled::{Trouble, adopt, delete, delete_all, each, post, release};
pub use launch::{Done, Launch, Options, What};
pub use objects::{Object, Wanted, described};
pub use request::Cluster;
pub use status::{PodState, finished_at, pod_state};
pub use wait::wait;

/// The field manager of everything that podrules applies.
pub const MANAGER: &str = "podrules";
/// The label that says for which task an object was made.
pub const TASK_LABEL: &str = "podrules.io/task-id";
/// ClearML's label that says which agent's an object is.
pub const AGENT_LABEL: &str = "CLEARML";
/// The label that says which rule asked for a companion.
pub const RULE_LABEL: &str = "podrules.io/rule";
/// The label that says how long a companion lives.
pub const LIFETIME_LABEL: &str = "podrules.io/lifetime";
/// The finalizer that keeps a Pod until the command after its deletion has run.
pub const FINALIZER: &str = "podrules.io/post-delete";

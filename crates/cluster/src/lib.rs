//! An outcome on a cluster: companions are created first, then the Pod, then the Pod becomes their owner. This crate holds all
//! requests to the API server.
//!
//! ```text
//! launch    apply: companions, Pod, owner references; undo if a step fails. For people
//! create    create: the same with as few requests as possible. For the agent
//! wait      polls until the Pod runs or has finished
//! kinds     API discovery: the plural names of companions' kinds
//! verbs     get, create, patch, delete, list: one request each
//! request   sending a request: timeout, retries, the response
//! connect   the connection to the API server
//! client    kubeconfig, or in-cluster configuration
//! failure   errors of the API server → findings, each with the object and the field that it is about
//! errors    why a request failed, and whether to retry it
//! objects   manifests → objects with their names and labels
//! finding   a finding, its object and field
//! field     fields as the API server names them → pointers
//! status    a Pod's status → its state
//! labels    labels, finalizer and field manager
//! ```
//!
//! This crate knows neither rules nor files: a [`Finding`] names the object and the field, and the caller looks up who wrote it.

mod client;
mod connect;
mod create;
mod errors;
mod failure;
mod field;
mod finding;
mod kinds;
mod labels;
mod launch;
mod objects;
mod request;
mod status;
mod verbs;
mod wait;

pub use client::{Access, chain};
pub use connect::Observer;
pub use create::{Created, Step, create};
pub use errors::{ApiError, Retry};
pub use failure::LaunchError;
pub use finding::{Finding, Subject};
pub use kinds::Kinds;
pub use labels::{AGENT_LABEL, FINALIZER, LIFETIME_LABEL, MANAGER, RULE_LABEL, TASK_LABEL};
pub use launch::{Applied, Change, Launch, Options};
pub use objects::{CompanionSpec, Object, launch_objects};
pub use request::Cluster;
pub use status::{PodState, finished_at, pod_state};
pub use verbs::{adopt, delete, delete_collection, for_each, post, remove_finalizer};
pub use wait::wait;

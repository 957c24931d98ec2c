//! podrules: rules that edit the Kubernetes Pod of a ClearML task before it is applied.
//!
//! Data moves in one direction, through these layers:
//!
//! ```text
//! source   files → values with their places
//! rules    values → rules as written
//! plan     rules as written → an immutable Plan, or every mistake at once
//! run      Plan + template + Context → Outcome: the Pod, its companions, the trace
//! pod      the Pod → findings, like the API server's errors
//! ```
//!
//! [`installation`] combines them: values, rules, context and configuration, loaded once and used for many tasks.
//!
//! The other modules support these layers. [`diagnostic`] defines findings, [`edit`] makes and undoes every change, [`path`] and
//! [`expr`] are the languages inside rules, [`op`] contains the operations, and [`hook`] defines how Python is called. [`output`]
//! prints values, and [`explain`] says which rule wrote what.
//!
//! The engine knows nothing about command lines, clusters or processes. Other crates build on it: `podrules-cli` is the command
//! line, `podrules-worker` runs hooks and commands, `podrules-cluster` applies an outcome to a cluster, and `podrules-agent` does
//! so for one task after another and observes each until it ends.
//!
//! ```
//! use podrules::diagnostic::{Diagnostics, Sources};
//! use podrules::{plan, run};
//!
//! let mut sources = Sources::new();
//! let file = sources.add("rules.yaml", "
//! apiVersion: podrules.io/v1
//! kind: Rules
//! rules:
//!   - name: gpus
//!     queues: [train]
//!     do:
//!       - set: {path: $.spec.priorityClassName, value: high}
//! ");
//! let mut found = Diagnostics::new();
//! let plan = plan::compile(&sources, None, &[file], &mut found);
//! assert!(found.is_empty());
//!
//! let task = serde_json::json!({"id": "0a1b2c"});
//! let context = podrules::context::Context::new(task, "queue-id", "train");
//! let template = serde_json::json!({"spec": {"containers": [{"name": "task", "image": "ubuntu:22.04"}]}});
//! let outcome = plan.run(template, &context, run::Options::default());
//! assert_eq!(outcome.pod["spec"]["priorityClassName"], "high");
//! assert_eq!(outcome.pod["metadata"]["name"], "clearml-id-0a1b2c");
//! assert!(podrules::pod::check::check(&outcome.pod).is_empty());
//! ```
pub mod context;
pub mod diagnostic;
pub mod edit;
pub mod explain;
pub mod expr;
pub mod hook;
pub mod installation;
pub mod lifetime;
pub mod op;
pub mod output;
pub mod path;
pub mod pattern;
pub mod plan;
pub mod pod;
pub mod read;
pub mod rules;
pub mod run;
pub mod source;
pub mod text;

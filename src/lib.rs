//! podrules: rules that edit the Kubernetes Pod of a ClearML task before it is applied.
//!
//! Data moves one way, and each module is a stage that reads only those before it:
//!
//! ```text
//! source   files → values that know where they were written
//! rules    values → what a user wrote
//! plan     what was written → an immutable Plan, or every mistake at once
//! run      Plan + template + Context → Outcome: the Pod, its companions, the trace
//! pod      the Pod → findings, as the API server would have them
//! ```
//!
//! [`installation`] puts all of it together: values, rules, context and configuration, loaded once and asked for many tasks.
//!
//! Under them: [`diagnostic`] is how every stage reports, [`edit`] how every change is made, [`path`] and [`expr`] are the
//! languages inside of rules, [`op`] holds the operations, [`hook`] is how Python is called. [`output`] prints, [`explain`] tells
//! of a run; `cli` is the command line, `cluster` brings an outcome to a cluster, `agent` does so
//! for task after task and follows each to its end.
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

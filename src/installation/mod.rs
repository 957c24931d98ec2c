//! An installation: values, rules, context and configuration, loaded once and asked many times.
//!
//! ```text
//! Inputs + Reader ── Draft ──────── everything that could be read, with all mistakes
//!                      └─ finish ── Installation: immutable, shared by threads
//! task + queue ── prepare ── Prepared ── render ── Rendered: the outcome and its findings
//!                                                    └─ explain, difference, who wrote a field
//! ```
//!
//! Nothing here touches files, processes or the network: a [`Reader`] brings texts and environment variables, and
//! [`Hooks`](crate::hook::Hooks) run Python, if the caller has any.
//!
//! ```
//! use podrules::installation::{Inputs, Installation, Texts};
//!
//! let mut texts = Texts::from([
//!     ("values.yaml", "agentk8sglue: {queue: train}"),
//!     ("rules.yaml", "
//! apiVersion: podrules.io/v1
//! kind: Rules
//! rules:
//!   - name: priority
//!     queues: [train]
//!     do:
//!       - set: {path: $.spec.priorityClassName, value: high}
//! "),
//! ]);
//! let inputs = Inputs {
//!     values: Some(vec!["values.yaml".into()]),
//!     rules: vec!["rules.yaml".into()],
//!     ..Inputs::default()
//! };
//! let installation = Installation::load(&inputs, &mut texts).map_err(|mistakes| mistakes.found)?;
//!
//! let Ok(queue) = installation.queue(None) else { unreachable!("the values have one queue") };
//! let task = serde_json::json!({"id": "0a1b2c"});
//! let rendered = installation.render(installation.prepare(task, &queue.name, "clearml"), None);
//! assert!(rendered.findings.is_empty());
//! assert_eq!(rendered.outcome.pod["spec"]["priorityClassName"], "high");
//! assert!(installation.explain(&rendered).text(false).contains("# rule priority (rules.yaml:8)"));
//! # Ok::<(), podrules::diagnostic::Diagnostics>(())
//! ```

mod config;
mod contents;
mod describe;
mod draft;
mod inputs;
mod loaded;
mod log;
mod queue;
mod reader;
mod render;
mod task;
mod templates;
#[cfg(test)]
mod tests;

pub use describe::{CompanionSummary, RuleSummary};
pub use draft::{Draft, Mistakes};
pub use inputs::Inputs;
pub use loaded::Installation;
pub use log::{Speaker, log};
pub use queue::Queue;
pub use reader::{Reader, Texts};
pub use render::{Prepared, Rendered, no_rules, objects};
pub use task::read_task;

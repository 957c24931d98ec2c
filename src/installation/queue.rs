//! Which queue is meant.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::helm::QueueName;

/// The queue that a task is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// A warning if the values don't have this queue.
    pub warning: Option<Diagnostic>,
}

/// The queue that was asked for, or the only one of the values; `queues` is none without values. Without queues and without a
/// name it is the one with an empty name, which only rules for every queue select.
///
/// # Errors
/// A finding if there are several and none was asked for. It has no help: how to name one depends on who asks.
pub fn meant(queues: Option<&[QueueName]>, asked: Option<&str>) -> Result<Queue, Diagnostic> {
    let names: Vec<&str> = queues.unwrap_or_default().iter().map(|queue| queue.name.as_str()).collect();
    let certain = |name: &str| Queue { name: name.to_owned(), warning: None };
    match (asked, names.as_slice()) {
        (Some(name), _) if queues.is_none() || names.contains(&name) => Ok(certain(name)),
        (Some(name), _) => Ok(Queue { warning: Some(unknown(name, &names)), ..certain(name) }),
        (None, [only]) => Ok(certain(only)),
        (None, []) => Ok(certain("")),
        (None, _) => Err(Diagnostic::new(Code::Queue, format!("which queue? the values have {}", names.join(", ")))),
    }
}

fn unknown(name: &str, names: &[&str]) -> Diagnostic {
    let unknown = Diagnostic::new(Code::UnknownQueue, format!("the values have no queue `{name}`"));
    match did_you_mean(name, names.iter().copied()) {
        Some(near) => unknown.help(format!("did you mean `{near}`?")),
        None => unknown.help(format!("the values have {}", names.join(", "))),
    }
}

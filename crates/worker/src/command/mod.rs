//! The agent's own commands around a Pod: `CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD` before it is applied and
//! `CLEARML_K8S_GLUE_POD_POST_DELETE_CMD` after it was deleted. They are bash, with `{queue_name}`, `{pod_name}` and `{namespace}` replaced.
//!
//! A queue's name is a user's text, and must not become shell: a value that isn't plain is refused where a placeholder
//! stands, and may be read as a variable instead.
//!
//! ```text
//! fill      placeholders → the command's text
//! run       the text in bash, in the time it has
//! once      the same, exactly once per key, even if this process is killed meanwhile
//! evidence  the files by which that is known
//! ```

mod evidence;
mod fill;
mod once;
mod run;

pub use once::{Done, Once};
pub use run::{Ran, run};

use std::time::Duration;

/// How long a command may take.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// What may stand in a command's placeholders.
#[derive(Debug, Clone)]
pub struct Values<'v> {
    /// The queue's name.
    pub queue_name: &'v str,
    /// The Pod's name.
    pub pod_name: &'v str,
    /// The Pod's namespace.
    pub namespace: &'v str,
}

impl<'v> Values<'v> {
    /// Each value with its placeholder and its variable.
    fn all(&self) -> [(&'static str, &'static str, &'v str); 3] {
        [
            ("{queue_name}", "PODRULES_QUEUE_NAME", self.queue_name),
            ("{pod_name}", "PODRULES_POD_NAME", self.pod_name),
            ("{namespace}", "PODRULES_NAMESPACE", self.namespace),
        ]
    }
}

/// What the tests of this module share.
#[cfg(test)]
mod test {
    use super::Values;
    use podrules::diagnostic::{FileId, Span};
    use podrules::source::{Style, Text};

    pub fn text(command: &str) -> Text {
        Text { span: Span::new(FileId(0), 0, 0), value: command.to_owned(), style: Style::Made }
    }

    pub fn values(queue_name: &str) -> Values<'_> {
        Values { queue_name, pod_name: "clearml-id-0a1b", namespace: "ml" }
    }
}

//! The pre-apply command, `CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD`, and the post-delete command,
//! `CLEARML_K8S_GLUE_POD_POST_DELETE_CMD`. They are bash, with `{queue_name}`, `{pod_name}` and `{namespace}` replaced.
//!
//! A queue's name is a user's text and must not become shell code: in place of a placeholder a value with special characters is
//! refused; the command can read it from a variable instead.
//!
//! ```text
//! once      run a command exactly once per key, even if this process is killed meanwhile
//! record    the files that say whether a key's command has run
//! run       run a command in bash, with a timeout
//! fill      replace the placeholders in a command's text
//! ```

mod fill;
mod once;
mod record;
mod run;

pub use once::{Once, OnceResult};
pub use run::{CommandResult, run};

use std::time::Duration;

/// The timeout of a command.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The values of a command's placeholders.
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
    /// Each placeholder with its environment variable and its value.
    fn all(&self) -> [(&'static str, &'static str, &'v str); 3] {
        [
            ("{queue_name}", "PODRULES_QUEUE_NAME", self.queue_name),
            ("{pod_name}", "PODRULES_POD_NAME", self.pod_name),
            ("{namespace}", "PODRULES_NAMESPACE", self.namespace),
        ]
    }
}

/// Shared by the tests of this module.
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

//! Runs scripts, which may change the Pod, log, fail and skip. (The operations as functions are in `op::functions`.)

use super::bounds::{Bound, within};
use super::engine::Language;
pub use super::failure::{Failure, failure};
use super::handle::LivePod;
use super::running::{Stop, with_script};
pub use super::running::{end_for_size, live, warn};
use crate::diagnostic::Diagnostic;
use rhai::{AST, Position, Scope};
use std::time::Duration;

/// How a script ended.
#[derive(Debug)]
pub enum End {
    /// It reached its end.
    Done,
    /// It called `skip()`.
    Skipped,
    /// It failed, called `fail()` or exceeded a limit.
    Failed(Failure),
}

/// The result of a script, besides its edits.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// The lines that it logged, oldest first.
    pub log: Vec<String>,
    /// The warnings of the operations that it called.
    pub warnings: Vec<Diagnostic>,
}

/// Runs a script on the Pod in `live`, for `timeout` at most. The script's variables are removed from the scope again.
pub fn run(language: &Language, ast: &AST, scope: &mut Scope<'static>, live: &LivePod, timeout: Duration) -> Ran {
    let variables = scope.len();
    let ((result, bound), left) =
        with_script(live, || within(timeout, || language.engine().run_ast_with_scope(scope, ast)));
    scope.rewind(variables);
    let failed = result.err().map(|error| failure(&error));
    let position = failed.as_ref().map_or(Position::NONE, |failure| failure.position);
    let end = match (bound, left.stop, failed) {
        (Some(Bound::Stopped), Some(Stop::Skip), _) => End::Skipped,
        (Some(Bound::Stopped), Some(Stop::Fail(why)), _) => {
            End::Failed(Failure { message: why.to_string(), position, limit: false })
        }
        (Some(bound), ..) => End::Failed(Failure { message: bound.message(), position, limit: true }),
        (None, _, Some(failure)) => End::Failed(failure),
        (None, _, None) => End::Done,
    };
    Ran { end, log: left.log, warnings: left.warnings }
}

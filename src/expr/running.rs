//! The script that runs on this thread. Rhai's native functions get no context from their caller, so what they need is
//! kept here from the start of a script to its end.

use super::bounds::{self, Bound};
use super::handle::LivePod;
use crate::diagnostic::Diagnostic;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Position};
use std::cell::RefCell;

/// The most lines that one script may log.
const MAX_LINES: usize = 200;
/// The most characters of a logged line; the rest is cut off.
const MAX_LINE: usize = 2_000;
/// The most warnings that one script may leave.
const MAX_WARNINGS: usize = 100;

/// What a running script works on, and what it has left so far.
struct Running {
    live: LivePod,
    left: Left,
}

/// What a script leaves besides its edits.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The lines that it logged.
    pub(super) log: Vec<String>,
    /// The warnings of the operations that it called.
    pub(super) warnings: Vec<Diagnostic>,
    /// The first call of `skip()` or `fail()`.
    pub(super) stop: Option<Stop>,
}

/// A call that ends a script; nothing that the script catches may keep it going.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    Skip,
    Fail(ImmutableString),
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Runs a script by calling `work`, and returns its result and what the script left.
pub(super) fn with_script<T>(live: &LivePod, work: impl FnOnce() -> T) -> (T, Left) {
    let outer = RUNNING.replace(Some(Running { live: live.clone(), left: Left::default() }));
    let done = work();
    let left = RUNNING.replace(outer).map_or_else(Left::default, |running| running.left);
    (done, left)
}

/// Whether a script runs on this thread, and not only an expression.
pub(super) fn is_script() -> bool {
    RUNNING.with_borrow(Option::is_some)
}

/// The Pod of the script that runs on this thread; `None` if none runs.
pub fn live() -> Option<LivePod> {
    RUNNING.with_borrow(|running| running.as_ref().map(|r| r.live.clone()))
}

/// Ends the running script because the Pod would become too large.
pub fn end_for_size() {
    bounds::hit(Bound::Pod);
}

/// Adds warnings to those of the running script, 100 in all at most.
pub fn warn(warnings: Vec<Diagnostic>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(Running { left, .. }) = running {
            let room = MAX_WARNINGS.saturating_sub(left.warnings.len());
            left.warnings.extend(warnings.into_iter().take(room));
        }
    });
}

/// Adds a line to the log of the running script. Does nothing in an expression, which has no log.
pub(super) fn log(text: &str) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(Running { left, .. }) = running
            && left.log.len() < MAX_LINES
        {
            left.log.push(text.chars().take(MAX_LINE).collect());
        }
    });
}

/// Ends the running script: terminated, not thrown, and recorded as well, so that no `try` can swallow it.
fn stop(stop: Stop) -> Result<(), Box<EvalAltResult>> {
    let text = match &stop {
        Stop::Skip => "skip()".into(),
        Stop::Fail(why) => why.clone(),
    };
    RUNNING.with_borrow_mut(|running| {
        if let Some(Running { left, .. }) = running {
            left.stop.get_or_insert(stop);
            bounds::hit(Bound::Stopped);
        }
    });
    Err(Box::new(EvalAltResult::ErrorTerminated(text.into(), Position::NONE)))
}

/// Registers `log`, `skip` and `fail`, and redirects `print` and `debug` to the log.
pub(super) fn register(engine: &mut Engine) {
    engine.on_print(log);
    engine.on_debug(|text, _, _| log(text));
    engine
        .register_fn("log", |value: Dynamic| log(&value.to_string()))
        .register_fn("skip", || stop(Stop::Skip))
        .register_fn("fail", |why: ImmutableString| stop(Stop::Fail(why)));
}

//! What only scripts can do: change the Pod, log, fail and skip. (The operations as functions are in `op::functions`.)

use super::engine::{Language, within};
use super::json::Live;
use crate::diagnostic::Diagnostic;
use rhai::{AST, Dynamic, Engine, EvalAltResult, ImmutableString, Position, Scope};
use std::cell::RefCell;
use std::time::Duration;

/// Lines that one script may log, and characters of a line.
const MAX_LINES: usize = 200;
const MAX_LINE: usize = 2_000;

/// How a script ended.
#[derive(Debug)]
pub enum End {
    /// It ran through.
    Done,
    /// It called `skip()`.
    Skipped,
    /// It failed.
    Failed(Failure),
}

/// Why a script or an expression failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why.
    pub message: String,
    /// The place in its text.
    pub position: Position,
    /// Whether a bound was hit, rather than a mistake made.
    pub limit: bool,
}

/// A script at work on this thread. Rhai's native functions get no context of the caller's, so it is kept here while
/// the script runs, and taken away when it ends.
struct Running {
    live: Live,
    log: Vec<String>,
    warnings: Vec<Diagnostic>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Marks the error that `skip()` throws, which no `catch` of the script's may keep.
#[derive(Debug, Clone)]
struct Skip;

/// Marks the error that `fail()` throws.
#[derive(Debug, Clone)]
struct Fail(ImmutableString);

/// What a script leaves beside its edits.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What it logged.
    pub log: Vec<String>,
    /// What its operations warned of.
    pub warnings: Vec<Diagnostic>,
}

/// Runs a script on the Pod in `live`.
pub fn run(language: &Language, ast: &AST, scope: &mut Scope<'static>, live: &Live, timeout: Duration) -> Ran {
    let running = Running { live: live.clone(), log: Vec::new(), warnings: Vec::new() };
    let outer = RUNNING.replace(Some(running));
    let variables = scope.len();
    let result = within(timeout, || language.engine().run_ast_with_scope(scope, ast));
    scope.rewind(variables);
    let (log, warnings) = RUNNING.replace(outer).map_or_else(Default::default, |r| (r.log, r.warnings));
    let end = match result {
        Ok(()) => End::Done,
        Err(error) => match *error.unwrap_inner() {
            EvalAltResult::ErrorTerminated(ref token, _) if token.is::<Skip>() => End::Skipped,
            _ => End::Failed(failure(&error)),
        },
    };
    Ran { end, log, warnings }
}

/// Whether a script runs on this thread (and not only an expression).
pub(super) fn running() -> bool {
    RUNNING.with_borrow(Option::is_some)
}

/// The Pod of the script that runs on this thread.
pub fn live() -> Option<Live> {
    RUNNING.with_borrow(|running| running.as_ref().map(|r| r.live.clone()))
}

/// Adds a warning to the script that runs.
pub fn warn(warnings: Vec<Diagnostic>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running {
            running.warnings.extend(warnings);
        }
    });
}

/// Adds a line to the log of the script that runs; an expression has none.
pub(super) fn log(text: &str) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running
            && running.log.len() < MAX_LINES
        {
            running.log.push(text.chars().take(MAX_LINE).collect());
        }
    });
}

/// What went wrong, in words without Rhai's types of error around them.
pub fn failure(error: &EvalAltResult) -> Failure {
    let inner = innermost(error);
    let limit = matches!(
        inner,
        EvalAltResult::ErrorTooManyOperations(_)
            | EvalAltResult::ErrorStackOverflow(_)
            | EvalAltResult::ErrorDataTooLarge(..)
            | EvalAltResult::ErrorTooManyVariables(_)
    );
    let (message, limit) = match inner {
        EvalAltResult::ErrorTerminated(token, _) => match token.clone().try_cast::<Fail>() {
            Some(Fail(why)) => (why.to_string(), false),
            None => (token.to_string(), true),
        },
        EvalAltResult::ErrorRuntime(value, _) => (value.to_string(), limit),
        EvalAltResult::ErrorTooManyOperations(_) => {
            (format!("more than {} steps: is there a loop without end?", super::MAX_OPERATIONS), limit)
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => (format!("a value grew too large: {what}"), limit),
        EvalAltResult::ErrorStackOverflow(_) => ("functions call each other too deeply".to_owned(), limit),
        EvalAltResult::ErrorDotExpr(text, _) if text.contains("for type '()'") => {
            let message = "a field of something that is missing: create it first, as in `pod.spec.nodeSelector = #{}`";
            (format!("{message}, or use set(\"$.spec…\", value)"), limit)
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            (format!("no function takes these arguments: {signature}"), limit)
        }
        other => {
            let text = other.to_string();
            let end = text.rfind(" (line ").unwrap_or(text.len());
            (text[..end].to_owned(), limit)
        }
    };
    Failure { message, position: deepest_position(error), limit }
}

fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        other => other,
    }
}

fn deepest_position(error: &EvalAltResult) -> Position {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, at) => match deepest_position(inner) {
            Position::NONE => *at,
            deeper => deeper,
        },
        other => other.position(),
    }
}

/// Registers them.
pub(super) fn register(engine: &mut Engine) {
    type Never = Result<(), Box<EvalAltResult>>;
    // Terminated, not thrown: `try` in a script must not swallow them.
    let stop = |token: Dynamic| -> Never { Err(Box::new(EvalAltResult::ErrorTerminated(token, Position::NONE))) };
    engine
        .register_fn("log", |value: Dynamic| log(&value.to_string()))
        .register_fn("skip", move || stop(Dynamic::from(Skip)))
        .register_fn("fail", move |why: ImmutableString| stop(Dynamic::from(Fail(why))));
}

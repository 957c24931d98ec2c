//! What only scripts can do: change the Pod, log, fail and skip. (The operations as functions are in `op::functions`.)

use super::bounds::{self, Bound, within};
use super::engine::Language;
use super::json::Live;
use crate::diagnostic::Diagnostic;
use rhai::{AST, Dynamic, Engine, EvalAltResult, ImmutableString, Position, Scope};
use std::cell::RefCell;
use std::time::Duration;

/// Lines that one script may log, and characters of a line.
const MAX_LINES: usize = 200;
const MAX_LINE: usize = 2_000;
/// Warnings that one script may leave.
const MAX_WARNINGS: usize = 100;

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
    /// The call of `skip()` or `fail()` that ends it.
    asked: Option<Asked>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// How a script ends itself; nothing that it catches may keep it going.
#[derive(Debug, Clone)]
enum Asked {
    Skip,
    Fail(ImmutableString),
}

impl Failure {
    /// A mistake without a place.
    pub(super) fn mistake(message: String) -> Self {
        Failure { message, position: Position::NONE, limit: false }
    }

    /// Values that outgrow what a Pod could hold.
    pub fn too_large() -> Self {
        let message = "the values that expressions bring in here are too large for any Pod".to_owned();
        Failure { message, position: Position::NONE, limit: true }
    }
}

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
    let running = Running { live: live.clone(), log: Vec::new(), warnings: Vec::new(), asked: None };
    let outer = RUNNING.replace(Some(running));
    let variables = scope.len();
    let (result, bound) = within(timeout, || language.engine().run_ast_with_scope(scope, ast));
    scope.rewind(variables);
    let (log, warnings, asked) = RUNNING.replace(outer).map_or_else(Default::default, |r| (r.log, r.warnings, r.asked));
    let failed = result.err().map(|error| failure(&error));
    let position = failed.as_ref().map_or(Position::NONE, |failure| failure.position);
    let end = match (bound, asked, failed) {
        (Some(Bound::Asked), Some(Asked::Skip), _) => End::Skipped,
        (Some(Bound::Asked), Some(Asked::Fail(why)), _) => {
            End::Failed(Failure { message: why.to_string(), position, limit: false })
        }
        (Some(bound), ..) => End::Failed(Failure { message: bound.message(), position, limit: true }),
        (None, _, Some(failure)) => End::Failed(failure),
        (None, _, None) => End::Done,
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

/// Ends the script that runs: the Pod would grow beyond its bounds.
pub fn end_for_size() {
    bounds::hit(Bound::Pod);
}

/// Adds a warning to the script that runs.
pub fn warn(warnings: Vec<Diagnostic>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running {
            let room = MAX_WARNINGS.saturating_sub(running.warnings.len());
            running.warnings.extend(warnings.into_iter().take(room));
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
        EvalAltResult::ErrorStackOverflow(_)
            | EvalAltResult::ErrorDataTooLarge(..)
            | EvalAltResult::ErrorTooManyVariables(_)
    );
    let (message, limit) = match inner {
        EvalAltResult::ErrorTerminated(token, _) => (token.to_string(), true),
        EvalAltResult::ErrorRuntime(value, _) => (value.to_string(), limit),
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
    // Terminated, not thrown, and kept besides: nothing in a script may swallow them.
    let stop = |asked: Asked| -> Never {
        let text = match &asked {
            Asked::Skip => "skip()".into(),
            Asked::Fail(why) => why.clone(),
        };
        RUNNING.with_borrow_mut(|running| {
            if let Some(running) = running {
                running.asked.get_or_insert(asked);
                bounds::hit(Bound::Asked);
            }
        });
        Err(Box::new(EvalAltResult::ErrorTerminated(text.into(), Position::NONE)))
    };
    engine
        .register_fn("log", |value: Dynamic| log(&value.to_string()))
        .register_fn("skip", move || stop(Asked::Skip))
        .register_fn("fail", move |why: ImmutableString| stop(Asked::Fail(why)));
}

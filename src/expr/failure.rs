//! Why an expression or a script failed, in words without the names of Rhai's types.

use rhai::{EvalAltResult, Position};

/// Why a script or an expression failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What went wrong: one sentence without a final stop.
    pub message: String,
    /// The line and column in the text of the script or the expression; `Position::NONE` if unknown.
    pub position: Position,
    /// Whether a limit on steps, time or memory was exceeded, as opposed to a mistake in the text.
    pub limit: bool,
}

impl Failure {
    /// A mistake whose place isn't known.
    pub(super) fn mistake(message: String) -> Self {
        Failure { message, position: Position::NONE, limit: false }
    }

    /// The failure of expressions whose values together are larger than any Pod could be.
    pub fn too_large() -> Self {
        let message = "the values of the expressions here are too large for a Pod".to_owned();
        Failure { message, position: Position::NONE, limit: true }
    }
}

/// Turns Rhai's error into a [`Failure`].
pub fn failure(error: &EvalAltResult) -> Failure {
    let inner = innermost(error);
    let limit = matches!(
        inner,
        EvalAltResult::ErrorTerminated(..)
            | EvalAltResult::ErrorStackOverflow(_)
            | EvalAltResult::ErrorDataTooLarge(..)
            | EvalAltResult::ErrorTooManyVariables(_)
    );
    Failure { message: message(inner), position: deepest_position(error), limit }
}

fn message(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorTerminated(reason, _) => reason.to_string(),
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        EvalAltResult::ErrorDataTooLarge(what, _) => format!("a value became too large: {what}"),
        EvalAltResult::ErrorStackOverflow(_) => "functions call each other too deeply".to_owned(),
        EvalAltResult::ErrorDotExpr(text, _) if text.contains("for type '()'") => {
            "a field of something that is missing: create it first, as in `pod.spec.nodeSelector = #{}`, \
             or use set(\"$.spec…\", value)"
                .to_owned()
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            format!("no function takes these arguments: {signature}")
        }
        other => {
            let text = other.to_string();
            let end = text.rfind(" (line ").unwrap_or(text.len());
            text[..end].to_owned()
        }
    }
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

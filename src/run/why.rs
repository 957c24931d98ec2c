//! Why a condition was false: the parts that decided, with the values they saw.

use super::host::Evaluator;
use crate::edit::Editor;
use crate::expr::{Expression, Names, expression};
use crate::plan::Plan;
use crate::source::Text;
use crate::text::shortened;
use serde_json::Value;

/// Lines that are enough to see why.
const MOST: usize = 8;
/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// Explains a condition that gave false.
pub(super) fn why(evaluator: &mut Evaluator<'_>, when: &Expression, pod: &mut Editor) -> Vec<String> {
    let mut lines = Vec::new();
    explain(evaluator, when, &when.text.value, pod, &mut lines, 0);
    lines.truncate(MOST);
    lines
}

fn explain(
    evaluator: &mut Evaluator<'_>,
    when: &Expression,
    source: &str,
    pod: &mut Editor,
    lines: &mut Vec<String>,
    depth: usize,
) {
    let source = unwrap(source);
    if depth > 8 || lines.len() >= MOST {
        return;
    }
    let any = split(source, &["||"]);
    if any.len() > 1 {
        // All of them are false, or the whole would be true.
        for part in any {
            explain(evaluator, when, part, pod, lines, depth + 1);
        }
        return;
    }
    let all = split(source, &["&&"]);
    if all.len() > 1 {
        let first_false = all.into_iter().find(|part| evaluate(evaluator, when, part, pod) != Some(Value::Bool(true)));
        if let Some(part) = first_false {
            explain(evaluator, when, part, pod, lines, depth + 1);
        }
        return;
    }
    let mut line = format!("{source} is false");
    let saw: Vec<String> = operands(source)
        .into_iter()
        .filter(|operand| !is_literal(operand))
        .take(MOST)
        .filter_map(|operand| {
            evaluate(evaluator, when, operand, pod).map(|value| format!("{operand} is {}", show(&value)))
        })
        .collect();
    if !saw.is_empty() {
        line.push_str(&format!(" ({})", saw.join(", ")));
    }
    lines.push(line);
}

fn evaluate(evaluator: &mut Evaluator<'_>, when: &Expression, source: &str, pod: &mut Editor) -> Option<Value> {
    let mut text = Text::clone(&when.text);
    text.value = source.trim().to_owned();
    let set = evaluator.current_set();
    let names =
        Names { vars: set.vars.iter().map(|(name, _)| name.clone()).collect(), env: set.env.clone(), item: false };
    let plan: &Plan = evaluator.plan();
    let sources = crate::diagnostic::Sources::new();
    let compiled = expression(&plan.language, &sources, &text, &names).ok()?;
    evaluator.expression(&compiled, pod, None).ok()
}

/// What to show the value of: both sides of a comparison, or what a method is called on.
fn operands(source: &str) -> Vec<&str> {
    let sides = split(source, &["==", "!=", "<=", ">=", "<", ">", " in "]);
    if sides.len() == 2 {
        return sides.into_iter().map(str::trim).collect();
    }
    let bare = source.trim_start_matches('!').trim();
    if bare != source {
        return vec![bare];
    }
    // `a.b.contains("x")`, `glob(a.b, "x*")`
    match (bare.rfind('('), bare.ends_with(')')) {
        (Some(open), true) => {
            let receiver = bare[..open].rsplit_once('.').map(|(receiver, _)| receiver);
            let inside = &bare[open + 1..bare.len() - 1];
            receiver.into_iter().chain(split(inside, &[","])).map(str::trim).filter(|s| !s.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

fn is_literal(source: &str) -> bool {
    let first = source.chars().next().unwrap_or('"');
    matches!(first, '"' | '\'' | '`' | '0'..='9' | '-' | '[' | '#') || matches!(source, "true" | "false" | "()")
}

fn show(value: &Value) -> String {
    if value.is_null() {
        return "missing".to_owned();
    }
    shortened(value.to_string(), SHOWN)
}

/// Takes off parentheses around the whole.
fn unwrap(source: &str) -> &str {
    let mut source = source.trim();
    while let Some(inner) = source.strip_prefix('(').and_then(|s| s.strip_suffix(')')) {
        let mut depth = 0i32;
        let balanced = inner.bytes().all(|b| {
            depth += i32::from(b == b'(') - i32::from(b == b')');
            depth >= 0
        });
        if !balanced {
            break;
        }
        source = inner.trim();
    }
    source
}

/// Splits at operators that stand outside of brackets and strings.
fn split<'s>(source: &'s str, operators: &[&str]) -> Vec<&'s str> {
    let bytes = source.as_bytes();
    let (mut parts, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0usize);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'' | b'`') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && source.is_char_boundary(at) => {
                if let Some(operator) = operators.iter().find(|o| source[at..].starts_with(**o)) {
                    parts.push(&source[start..at]);
                    at += operator.len();
                    start = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&source[start.min(source.len())..]);
    parts
}

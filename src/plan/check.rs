//! Checks of compiled rules against each other and against the values.

use super::Rule;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::expr::to_value;
use crate::rules::RuleStage;
use crate::source::helm::Values;
use rhai::Expr;

/// Reports rules that can never run and queues that don't exist.
pub(super) fn check(rules: &[Rule], values: Option<&Values>, found: &mut Diagnostics) {
    for rule in rules {
        if let Some(why) = never(rule) {
            found.push(
                Diagnostic::new(Code::NeverRuns, format!("the rule `{}` never runs: {why}", rule.name)).at(rule.span),
            );
        }
        if rule.steps.is_empty() && rule.companions.is_empty() && !rule.stop {
            let message = format!("the rule `{}` does nothing: it has neither `do` nor `companions`", rule.name);
            found.push(Diagnostic::new(Code::NeverRuns, message).at(rule.span));
        }
    }
    for stage in [RuleStage::Template, RuleStage::Pod] {
        behind_a_stop(rules.iter().filter(|r| r.stage == stage && r.enabled), found);
    }
    if let Some(values) = values {
        unknown_queues(rules, values, found);
    }
}

fn never(rule: &Rule) -> Option<String> {
    if rule.selector.is_nothing() {
        return Some(format!("its queues ({}) exclude each other", rule.selector.written()));
    }
    let condition = rule.when.as_ref()?;
    let constant = match condition.ast.statements() {
        [rhai::Stmt::Expr(expr)] => literal(expr),
        _ => None,
    };
    (constant == Some(serde_json::Value::Bool(false))).then(|| "its condition is always false".to_owned())
}

fn literal(expr: &Expr) -> Option<serde_json::Value> {
    expr.get_literal_value(None).and_then(|value| to_value(&value).ok())
}

/// Reports rules after one that always stops the stage.
fn behind_a_stop<'r>(rules: impl Iterator<Item = &'r Rule>, found: &mut Diagnostics) {
    let mut stop: Option<&Rule> = None;
    for rule in rules {
        if let Some(stop) = stop {
            let message = format!("the rule `{}` never runs: `{}` stops before it", rule.name, stop.name);
            found.push(
                Diagnostic::new(Code::NeverRuns, message).at(rule.span).related(stop.span, "this rule always stops"),
            );
        } else if rule.stop && rule.when.is_none() && rule.selector.is_everything() {
            stop = Some(rule);
        }
    }
}

fn unknown_queues(rules: &[Rule], values: &Values, found: &mut Diagnostics) {
    let queues: Vec<String> = values.queues().iter().map(|q| q.name.clone()).collect();
    for rule in rules {
        for name in rule.selector.names() {
            // An id is 32 hexadecimal digits; the values know only names.
            let id = name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit());
            if id || queues.iter().any(|q| q == name) {
                continue;
            }
            let message = format!("the rule `{}` selects the queue `{name}`, which isn't in the values", rule.name);
            let diagnostic = Diagnostic::new(Code::UnknownQueue, message).at(rule.span);
            found.push(match did_you_mean(name, queues.iter().map(String::as_str)) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic.help(format!("the values have {}", queues.join(", "))),
            });
        }
    }
}

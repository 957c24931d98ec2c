//! Why a condition was false: the parts that decided it, with the values that they had.

use super::host::Evaluator;
use crate::diagnostic::Sources;
use crate::edit::Editor;
use crate::expr::{Expression, Names, Parts, expression, parts};
use crate::plan::Plan;
use crate::source::Text;
use crate::text::shortened;
use serde_json::Value;

/// The most lines of an explanation, and the most operands shown in one line.
const MOST: usize = 8;
/// The most characters shown of a value.
const SHOWN: usize = 80;
/// How many conditions within conditions are taken apart.
const DEEPEST: usize = 8;

/// Explains a condition whose value is false: one line for each part that made it so.
pub(super) fn why(evaluator: &mut Evaluator<'_>, when: &Expression, pod: &mut Editor) -> Vec<String> {
    let mut why = Why { evaluator, when, pod, lines: Vec::new() };
    why.explain(when, when.source().trim(), 0);
    why.lines.truncate(MOST);
    why.lines
}

struct Why<'w, 'p> {
    evaluator: &'w mut Evaluator<'p>,
    when: &'w Expression,
    pod: &'w mut Editor,
    lines: Vec<String>,
}

impl Why<'_, '_> {
    /// Explains `condition`, whose text is shown as `text`.
    fn explain(&mut self, condition: &Expression, text: &str, depth: usize) {
        if depth > DEEPEST || self.lines.len() >= MOST {
            return;
        }
        let plan: &Plan = self.evaluator.plan();
        match parts(&plan.language, condition) {
            // Each part is false, or the condition would be true.
            Parts::Any(any) if any.len() > 1 => any.iter().for_each(|part| self.explain_text(part, depth + 1)),
            Parts::All(all) if all.len() > 1 => {
                let is_true = |why: &mut Self, part: &str| why.value(part) == Some(Value::Bool(true));
                if let Some(part) = all.iter().find(|part| !is_true(self, part)) {
                    self.explain_text(part, depth + 1);
                }
            }
            Parts::One(operands) => self.line(text, &operands),
            Parts::Any(_) | Parts::All(_) => self.line(text, &[]),
        }
    }

    fn explain_text(&mut self, text: &str, depth: usize) {
        match self.compile(text) {
            Some(condition) => self.explain(&condition, text, depth),
            None => self.line(text, &[]),
        }
    }

    /// Adds a line: the text of a part that is false, and its operands' values.
    fn line(&mut self, text: &str, operands: &[String]) {
        let mut saw = Vec::new();
        for operand in operands.iter().take(MOST) {
            if let Some(value) = self.value(operand) {
                saw.push(format!("{operand} is {}", show(&value)));
            }
        }
        let saw = if saw.is_empty() { String::new() } else { format!(" ({})", saw.join(", ")) };
        self.lines.push(format!("{text} is false{saw}"));
    }

    fn value(&mut self, text: &str) -> Option<Value> {
        let compiled = self.compile(text)?;
        self.evaluator.expression(&compiled, self.pod, None).ok()
    }

    fn compile(&self, text: &str) -> Option<Expression> {
        let mut written = Text::clone(&self.when.text);
        written.value = text.to_owned();
        let set = self.evaluator.current_set();
        let names =
            Names { vars: set.vars.iter().map(|(name, _)| name.clone()).collect(), env: set.env.clone(), item: false };
        expression(&self.evaluator.plan().language, &Sources::new(), &written, &names).ok()
    }
}

fn show(value: &Value) -> String {
    if value.is_null() {
        return "missing".to_owned();
    }
    shortened(value.to_string(), SHOWN)
}

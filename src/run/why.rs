//! Why a condition was false: the parts that decided it, with the values that they had.

use super::host::Evaluator;
use crate::diagnostic::Sources;
use crate::edit::Editor;
use crate::expr::{Expression, Names, Parts, expression, parts};
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
    why.explain(when, 0);
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
    /// Explains a condition whose value is false.
    fn explain(&mut self, condition: &Expression, depth: usize) {
        if depth > DEEPEST || self.lines.len() >= MOST {
            return;
        }
        match parts(&self.evaluator.plan().language, condition) {
            // Each part is false, or the condition would be true.
            Parts::Any(any) => any.iter().for_each(|part| self.explain_part(part, depth + 1)),
            Parts::All(all) => {
                if let Some(part) = all.iter().find(|part| self.value(part) != Some(Value::Bool(true))) {
                    self.explain_part(part, depth + 1);
                }
            }
            Parts::One { text, operands } => self.line(&text, &operands),
        }
    }

    fn explain_part(&mut self, part: &str, depth: usize) {
        match self.compile(part) {
            Some(condition) => self.explain(&condition, depth),
            None => self.line(part, &[]),
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

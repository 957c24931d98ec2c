//! `replace`: replaces the matches of a regular expression in text.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Diagnostic, Fault, fault};
use crate::edit::{Pointer, Step, kind_of};
use crate::expr::{Part, ValueExpr};
use crate::path::Path;
use crate::record;
use crate::source::{Style, Text};
use serde_json::Value;

/// The maximum size of a resulting text, in bytes.
pub(super) const MAX_TEXT: usize = 1 << 20;
/// The maximum size of all texts that one operation writes, in bytes.
pub(super) const MAX_TEXTS: usize = 16 << 20;

record! {
    /// Replaces the matches of a regular expression ([syntax](https://docs.rs/regex/latest/regex/#syntax)) in the texts that
    /// `path` matches, and in all texts inside its matches. A text without a match is left unchanged.
    ///
    /// ```yaml
    /// - replace: {path: "$.spec.containers[*].image", pattern: "^docker[.]io/", with: "registry.example.com/"}
    /// ```
    ///
    /// As a function of scripts it is `replace_text(path, pattern, with)`.
    pub struct Replace as "replace" {
        /// A JSONPath; every text of the Pod by default.
        optional path: Option<Text> = "path",
        /// The regular expression.
        required pattern: Text = "pattern",
        /// The replacement: `$1` is the first group, `$name` a named group, `$$` a dollar sign. Before a letter, digit or `_`
        /// write `$${1}`, because `${` starts an expression. The result of an expression is used literally.
        required with: Text = "with",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for Replace {
    // Scripts have a function `replace(text, from, to)` that works on text.
    const FUNCTION: Option<Function> = Some(("replace_text", &["path", "pattern", "with"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = || Text { span: self.pattern.span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.clone().unwrap_or_else(whole);
        let path = compiler.path(&written);
        let regex = if self.pattern.value.contains("${") && compiler.language.is_some() {
            let message = "a pattern can't contain ${ }, because it is compiled when the rules are loaded";
            let error = Diagnostic::new(Code::BadRegex, message).at(self.pattern.span);
            compiler.found.push(error.help("to match a literal `${`, write \\$\\{"));
            None
        } else {
            compiler.regex(&self.pattern)
        };
        let with: Vec<ValueExpr> = match compiler.text(&self.with)? {
            ValueExpr::Text(parts) => parts.into_iter().map(part).collect(),
            whole => vec![whole],
        };
        let (path, regex) = (path?, regex?);
        for literal in with.iter().filter_map(ValueExpr::constant).filter_map(Value::as_str) {
            if let Some(error) = unknown_group(literal, &regex) {
                compiler.found.push(error.at(self.with.span));
                return None;
            }
        }
        Some(Box::new(ReplaceOp { path, regex, with, optional: self.optional, written, given: self.with }))
    }
}

#[derive(Debug)]
struct ReplaceOp {
    path: Path,
    regex: regex::Regex,
    /// Literals, in which `$1` is a group, and expressions, whose results are used literally.
    with: Vec<ValueExpr>,
    optional: bool,
    written: Text,
    given: Text,
}

impl Operation for ReplaceOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let with = self.with(cx)?;
        let (mut edits, mut made, mut grown) = (Vec::new(), 0, None);
        for place in cx.select(&self.path, &self.written, self.optional)? {
            if let Some(value) = cx.pod.get(&place) {
                if matches!(value, Value::Bool(_) | Value::Number(_)) && self.path.singular().is_some() {
                    let message = format!("{place} is {}, not a string", kind_of(value));
                    return Err(fault(Code::OperationFailed, message, self.written.span));
                }
                texts(value, &mut place.clone(), &mut |at, text| {
                    if grown.is_some() || !self.regex.is_match(text) {
                        return;
                    }
                    match self.replaced(text, &with) {
                        Some(new) => {
                            made += new.len();
                            edits.push((at.clone(), new));
                        }
                        None => grown = Some(format!("the text at {at} would become larger than 1 MiB")),
                    }
                    if made > MAX_TEXTS {
                        grown = Some("the texts would become larger than 16 MiB in total".to_owned());
                    }
                });
            }
        }
        if let Some(message) = grown {
            return Err(fault(Code::LimitExceeded, message, self.given.span));
        }
        for (at, text) in edits {
            cx.set(&at, Value::String(text), self.written.span)?;
        }
        Ok(())
    }
}

impl ReplaceOp {
    fn with(&self, cx: &mut OpContext<'_>) -> Result<String, Fault> {
        let mut with = String::new();
        for part in &self.with {
            match part.constant() {
                Some(Value::String(literal)) => with.push_str(literal),
                _ => with.push_str(&cx.text(part, self.given.span)?.replace('$', "$$")),
            }
        }
        Ok(with)
    }

    /// The text with every match replaced; nothing if it would become too large.
    fn replaced(&self, text: &str, with: &str) -> Option<String> {
        let groups = with.matches('$').count();
        let (mut out, mut last) = (String::with_capacity(text.len()), 0);
        for found in self.regex.captures_iter(text) {
            let whole = found.get(0)?;
            out.push_str(&text[last..whole.start()]);
            if groups.saturating_mul(whole.len()) > MAX_TEXT {
                // A group is at most as long as the match, so no expansion is larger than what is checked here.
                return None;
            } else {
                found.expand(with, &mut out);
            }
            last = whole.end();
            if out.len() > MAX_TEXT {
                return None;
            }
        }
        out.push_str(&text[last..]);
        (out.len() <= MAX_TEXT).then_some(out)
    }
}

fn part(part: Part) -> ValueExpr {
    match part {
        Part::Literal(text) => ValueExpr::Constant(Value::String(text)),
        Part::Expression(expression) => ValueExpr::Expression(Box::new(expression)),
    }
}

/// The error of a group in `with` that the pattern doesn't have; the regex crate would insert nothing for it.
fn unknown_group(with: &str, pattern: &regex::Regex) -> Option<Diagnostic> {
    let mut rest = with;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}').map_or("", |(name, _)| name),
            None => &rest[..rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()],
        };
        let known = match name.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => name.is_empty() || pattern.capture_names().flatten().any(|group| group == name),
        };
        if !known {
            let error = Diagnostic::new(Code::BadRegex, format!("the pattern has no group `{name}`"));
            let digits = name.bytes().take_while(u8::is_ascii_digit).count();
            return Some(error.help(match digits {
                0 => "write $$ for a dollar sign".to_owned(),
                _ if digits == name.len() => "groups are counted by their opening ( from 1".to_owned(),
                _ => format!("write $${{{}}}{} for group {0} and text after it", &name[..digits], &name[digits..]),
            }));
        }
    }
    None
}

/// Every text in a value, with its place.
pub(super) fn texts(value: &Value, at: &mut Pointer, on_text: &mut impl FnMut(&Pointer, &str)) {
    match value {
        Value::String(text) => on_text(at, text),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                at.push(index);
                texts(item, at, on_text);
                at.pop();
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                at.push(Step::from(key.as_str()));
                texts(item, at, on_text);
                at.pop();
            }
        }
        _ => {}
    }
}

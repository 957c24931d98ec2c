//! `replace`: a regular expression over texts.

use super::host::edit_fault;
use super::{Bench, Compiler, Fault, Operation, Parameters, fault};
use crate::diagnostic::Code;
use crate::edit::{Pointer, Step};
use crate::expr::Template;
use crate::path::Path;
use crate::record;
use crate::source::{Style, Text};
use serde_json::Value;

/// The largest text that may come out.
const MAX_TEXT: usize = 1 << 20;
/// Bytes of all texts that one operation makes.
pub(super) const MAX_TEXTS: usize = 16 << 20;

record! {
    /// Replaces what a regular expression ([syntax](https://docs.rs/regex/latest/regex/#syntax)) finds in the texts that
    /// `path` matches, and in all texts inside of a match. A text without it stays as it is.
    ///
    /// ```yaml
    /// - replace: {path: "$.spec.containers[*].image", pattern: "^docker[.]io/", with: "registry.example.com/"}
    /// ```
    pub struct Replace as "replace" {
        /// A JSONPath; every text of the Pod if left out.
        optional path: Option<Text> = "path",
        /// The regular expression.
        required pattern: Text = "pattern",
        /// What takes its place: `$1` is the first group, `$name` a named one. (`${` starts an expression.)
        required with: Text = "with",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for Replace {
    const NAME: &'static str = "replace";
    // With its keys in an object: `replace(text, from, to)` is the function on text.
    const FUNCTION: Option<(&'static str, &'static [&'static str])> =
        Some(("replace_text", &["path", "pattern", "with"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = || Text { span: self.pattern.span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.clone().unwrap_or_else(whole);
        let (path, regex) = (compiler.path(&written), compiler.regex(&self.pattern));
        let with = compiler.text(&self.with);
        Some(Box::new(Compiled {
            path: path?,
            regex: regex?,
            with: with?,
            optional: self.optional,
            written,
            given: self.with,
        }))
    }
}

#[derive(Debug)]
struct Compiled {
    path: Path,
    regex: regex::Regex,
    with: Template,
    optional: bool,
    written: Text,
    given: Text,
}

impl Operation for Compiled {
    fn apply(&self, bench: &mut Bench<'_>) -> Result<(), Fault> {
        let with = bench.text(&self.with, self.given.span)?;
        // `$1` counts only where the rule wrote it: what an expression gives is data.
        let literal = self.with.constant().is_none();
        let (mut edits, mut made, mut grown) = (Vec::new(), 0, None);
        for place in bench.select(&self.path, &self.written, self.optional)? {
            if let Some(value) = bench.pod.get(&place) {
                texts(value, &mut place.clone(), &mut |at, text| {
                    if grown.is_some() || !self.regex.is_match(text) {
                        return;
                    }
                    match self.replaced(text, &with, literal) {
                        Some(new) => {
                            made += new.len();
                            edits.push((at.clone(), new));
                        }
                        None => grown = Some(format!("the text at {at} grows beyond 1 MiB")),
                    }
                    if made > MAX_TEXTS {
                        grown = Some("the texts grow beyond 16 MiB".to_owned());
                    }
                });
            }
        }
        if let Some(message) = grown {
            return Err(fault(Code::LimitExceeded, message, self.given.span));
        }
        for (at, text) in edits {
            bench.pod.set(&at, Value::String(text)).map_err(|e| edit_fault(&e, self.written.span))?;
        }
        Ok(())
    }
}

impl Compiled {
    /// The text with every match replaced; nothing if it grows too large.
    fn replaced(&self, text: &str, with: &str, literal: bool) -> Option<String> {
        let groups = with.matches('$').count();
        let (mut out, mut last) = (String::with_capacity(text.len()), 0);
        for found in self.regex.captures_iter(text) {
            let whole = found.get(0)?;
            out.push_str(&text[last..whole.start()]);
            if literal {
                out.push_str(with);
            } else if groups.saturating_mul(whole.len()) > MAX_TEXT {
                // A group is at most as long as the match: no expansion can be larger than what was tested here.
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

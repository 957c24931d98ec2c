//! How the parameters of operations are compiled: paths, values, patterns; each mistake is reported at its place.

use super::operation::{CompiledOp, Operation};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Fault, Sources, Span, did_you_mean};
use crate::expr::{self, Language, Names, Part, Piece, Script, ValueExpr};
use crate::hook::Hook;
use crate::path::Path;
use crate::pattern;
use crate::read::Record;
use crate::rules;
use crate::source::{Kind, Node, Text};
use crate::text::parse_duration;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};
use std::time::Duration;

/// An operation as a function of scripts: the function's name, and the keys that its positional arguments stand for.
pub type Function = (&'static str, &'static [&'static str]);

/// The parameters of an operation, as users write them; the record's name is the operation's.
pub trait Parameters: Record + JsonSchema + 'static {
    /// The operation as a function of scripts, if they have it.
    const FUNCTION: Option<Function>;
    /// Resolves and checks everything that doesn't depend on a task; mistakes go to the compiler.
    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>>;
}

/// An operation that rules can name.
#[derive(Debug)]
pub struct Descriptor {
    /// The operation's name in rules.
    pub name: &'static str,
    /// The operation as a function of scripts, if they have it.
    pub function: Option<Function>,
    /// The keys of its parameters.
    pub keys: &'static [&'static str],
    /// Reads and compiles its parameters.
    pub compile: fn(&Node, &mut Compiler<'_>) -> Option<Box<dyn Operation>>,
    /// The JSON Schema of its parameters.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The descriptor of an operation.
pub(super) const fn describe<P: Parameters>() -> Descriptor {
    Descriptor {
        name: P::NAME,
        function: P::FUNCTION,
        keys: P::KEYS,
        compile: |node, compiler| {
            compiler.span = node.span;
            match P::read(node, compiler.found) {
                Some(parameters) => parameters.compile(compiler),
                None => {
                    compiler.check_unread(node);
                    None
                }
            }
        },
        schema: |generator| generator.subschema_for::<P>(),
    }
}

/// Compiles the values, paths and operations of rules.
pub struct Compiler<'c> {
    /// The sources, for places inside of strings.
    pub sources: &'c Sources,
    /// Where mistakes go.
    pub found: &'c mut Diagnostics,
    /// The expression language; absent when values from a script are compiled, in which `${ }` is data and not code.
    pub language: Option<&'c Language>,
    /// The names that expressions may use.
    pub names: Names,
    /// The place of the parameters that are being compiled.
    pub span: Span,
    /// The Python functions that rules call.
    pub hooks: Vec<Hook>,
    /// The operations that rules can name.
    pub operations: &'static [Descriptor],
}

impl Compiler<'_> {
    /// Reports a mistake.
    pub fn error(&mut self, code: Code, message: impl Into<String>, span: Span) {
        self.found.push(Diagnostic::new(code, message).at(span));
    }

    /// Reports the errors among results; the values if there are none.
    pub fn keep<T>(&mut self, results: Vec<Result<T, Fault>>) -> Option<Vec<T>> {
        let kept = results.into_iter().map(|result| result.map_err(|fault| self.found.push(*fault)).ok());
        kept.collect::<Vec<_>>().into_iter().collect()
    }

    /// Compiles a list of operations; those with mistakes are reported and left out.
    pub fn operations(&mut self, written: &[rules::Operation]) -> Vec<CompiledOp> {
        written.iter().filter_map(|operation| self.operation(operation)).collect()
    }

    fn operation(&mut self, written: &rules::Operation) -> Option<CompiledOp> {
        let mut known = Vec::new();
        for (name, parameters) in &written.entries {
            match self.operations.iter().find(|descriptor| descriptor.name == name.value) {
                Some(descriptor) => known.push((descriptor, name, parameters)),
                None => self.unknown_operation(name),
            }
        }
        if let Some((_, second, _)) = known.get(1) {
            self.found.push(
                Diagnostic::new(Code::BadValue, "an element of `do` has only one operation")
                    .at(second.span)
                    .help(format!("start a new element: `- {}:`", second.value)),
            );
        }
        let (descriptor, name, parameters) = known.first()?;
        let operation = (descriptor.compile)(parameters, self)?;
        Some(CompiledOp { name: descriptor.name, span: name.span, operation })
    }

    fn unknown_operation(&mut self, name: &Text) {
        let message = format!("there is no operation `{}`", name.value);
        let unknown = Diagnostic::new(Code::UnknownOperation, message).at(name.span);
        let names = self.operations.iter().map(|operation| operation.name);
        self.found.push(match did_you_mean(&name.value, names.clone()) {
            Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
            None => unknown.help(format!("operations: {}", names.collect::<Vec<_>>().join(", "))),
        });
    }

    /// Compiles a path. Inside `forEach` it may start with `@`.
    pub fn path(&mut self, text: &Text) -> Option<Path> {
        let relative = text.value.trim_start().starts_with('@');
        let parsed = if relative { Path::parse_relative(&text.value) } else { Path::parse(&text.value) };
        match parsed {
            Ok(_) if relative && !self.names.item => {
                let message = "`@` can be used only inside forEach; here a path starts with `$`, the Pod";
                self.error(Code::BadPath, message, text.span);
                None
            }
            Ok(path) => Some(path),
            Err(error) => {
                self.error(Code::BadPath, error.message, text.locate(self.sources, error.offset));
                None
            }
        }
    }

    /// Compiles a value; every string in it may contain `${ }`.
    pub fn value(&mut self, node: &Node) -> Option<ValueExpr> {
        match &node.kind {
            Kind::String(text) => self.text(text),
            Kind::List(items) => {
                let compiled: Vec<Option<ValueExpr>> = items.iter().map(|item| self.value(item)).collect();
                let compiled: Vec<ValueExpr> = compiled.into_iter().collect::<Option<_>>()?;
                let constants: Option<Vec<Value>> = compiled.iter().map(|t| t.constant().cloned()).collect();
                Some(constants.map_or(ValueExpr::List(compiled), |list| ValueExpr::Constant(Value::Array(list))))
            }
            Kind::Map(entries) => {
                let compiled: Vec<Option<(ValueExpr, ValueExpr)>> =
                    entries.iter().map(|(key, value)| self.text(key).zip(self.value(value))).collect();
                let compiled: Vec<(ValueExpr, ValueExpr)> = compiled.into_iter().collect::<Option<_>>()?;
                let constants: Option<Map<String, Value>> = compiled
                    .iter()
                    .map(|(k, v)| match (k.constant(), v.constant()) {
                        (Some(Value::String(k)), Some(v)) => Some((k.clone(), v.clone())),
                        _ => None,
                    })
                    .collect();
                Some(constants.map_or(ValueExpr::Map(compiled), |map| ValueExpr::Constant(Value::Object(map))))
            }
            _ => Some(ValueExpr::Constant(node.to_value())),
        }
    }

    /// Compiles a string that may contain `${ }`.
    pub fn text(&mut self, text: &Text) -> Option<ValueExpr> {
        let Some(language) = self.language.filter(|_| text.value.contains("${")) else {
            return Some(ValueExpr::Constant(Value::String(text.value.clone())));
        };
        let pieces = match expr::pieces(&text.value) {
            Ok(pieces) => pieces,
            Err(at) => {
                let span = text.locate_range(self.sources, at, at + 2);
                let help = "write `$${` for a literal `${`";
                let error = Diagnostic::new(Code::BadExpression, "this `${` has no `}`").at(span).help(help);
                self.found.push(error);
                return None;
            }
        };
        let range = |piece: &Piece| match piece {
            Piece::Expression(from, to) => Some((*from, *to)),
            Piece::Literal(_) => None,
        };
        let ranges: Vec<(usize, usize)> = pieces.iter().filter_map(range).collect();
        if !language.take(ranges.len()) {
            let message = format!("the rules have more than {} expressions in total", expr::MAX_EXPRESSIONS);
            self.error(Code::LimitExceeded, message, text.span);
            return None;
        }
        let compiled = expr::expressions(language, self.sources, text, &ranges, &self.names);
        let mut compiled = compiled.map_err(|problems| self.found.extend(problems)).ok()?.into_iter();
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => parts.push(Part::Literal(literal)),
                Piece::Expression(..) => parts.extend(compiled.next().map(Part::Expression)),
            }
        }
        Some(match parts.pop() {
            Some(Part::Expression(only)) if parts.is_empty() => ValueExpr::Expression(Box::new(only)),
            Some(Part::Literal(only)) if parts.is_empty() => ValueExpr::Constant(Value::String(only)),
            last => {
                parts.extend(last);
                ValueExpr::Text(parts)
            }
        })
    }

    /// Reports mistakes in the paths and strings of parameters that couldn't be read, so that one run reports them all.
    pub fn check_unread(&mut self, params: &Node) {
        for (key, value) in params.entries() {
            match (key.value.as_str(), &value.kind) {
                ("path" | "in" | "from" | "to", Kind::String(text)) => drop(self.path(text)),
                // Nested operations and scripts have syntax of their own; other values may contain expressions anywhere.
                ("do" | "code", _) => {}
                _ => drop(self.value(value)),
            }
        }
    }

    /// Compiles a script.
    pub fn script(&mut self, text: &Text) -> Option<Script> {
        let Some(language) = self.language else {
            self.error(Code::Unsupported, "a script can't run another", text.span);
            return None;
        };
        match expr::script(language, self.sources, text, &self.names) {
            Ok(script) => Some(script),
            Err(problems) => {
                self.found.extend(problems);
                None
            }
        }
    }

    /// Compiles a regular expression ([syntax](https://docs.rs/regex/latest/regex/#syntax)).
    pub fn regex(&mut self, text: &Text) -> Option<regex::Regex> {
        pattern::regex(&text.value)
            .map_err(|why| {
                self.error(Code::BadRegex, format!("this is not a valid regular expression: {why}"), text.span)
            })
            .ok()
    }

    /// Reads a duration such as `500ms`, `10s` or `2m`.
    pub fn duration(&mut self, text: &Text) -> Option<Duration> {
        let bounds = Duration::from_millis(1)..=Duration::from_secs(600);
        let duration = parse_duration(text.value.trim()).filter(|duration| bounds.contains(duration));
        if duration.is_none() {
            let message = format!("`{}` is not a duration of 1ms to 10m", text.value);
            self.found.push(Diagnostic::new(Code::BadValue, message).at(text.span).help("write 500ms, 10s or 2m"));
        }
        duration
    }
}

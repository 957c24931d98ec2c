//! Compiles expressions and scripts to syntax trees, and finds every unknown name before a task needs it.

use super::engine::Language;
use super::expression::{Expression, Lines, Script, byte_offset, line_starts};
use super::scope;
use crate::diagnostic::{Code, Diagnostic, Sources, did_you_mean};
use crate::source::Text;
use rhai::{AST, ASTNode, Expr, ParseError, ParseErrorType, Position, Scope, Stmt};
use std::collections::HashSet;
use std::sync::Arc;

/// The most bytes of one expression or script.
const MAX_SOURCE: usize = 64 << 10;
/// After this many mistakes in one text, the rest of it isn't compiled.
const ENOUGH_PROBLEMS: usize = 20;

/// The names that an expression may use besides the [fixed ones](super::scope::VARIABLES).
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The names under the file's `vars:`.
    pub vars: Vec<String>,
    /// The names under the file's `env:`.
    pub env: Vec<String>,
    /// Whether it is inside a `forEach`, where `item` is the current match.
    pub item: bool,
}

/// Compiles a complete text as one expression.
///
/// # Errors
/// Every mistake found in it, with its place.
pub fn expression(
    language: &Language,
    sources: &Sources,
    text: &Text,
    names: &Names,
) -> Result<Expression, Vec<Diagnostic>> {
    let mut all = expressions(language, sources, text, &[(0, text.value.len())], names)?;
    all.pop().ok_or_else(Vec::new)
}

/// Compiles the expressions in a text. `ranges` are their bytes, in ascending order. All of them share the text, and one
/// pass finds their places: there may be thousands.
///
/// # Errors
/// The mistakes found, with their places. After some mistakes the rest of the text isn't compiled.
pub fn expressions(
    language: &Language,
    sources: &Sources,
    text: &Text,
    ranges: &[(usize, usize)],
    names: &Names,
) -> Result<Vec<Expression>, Vec<Diagnostic>> {
    let shared = Arc::new(text.clone());
    let offsets: Vec<Vec<usize>> = ranges.iter().map(|(from, to)| line_starts(text, *from, *to)).collect();
    let mut places = text.locate_all(sources, &offsets.concat()).into_iter();
    let (mut compiled, mut problems) = (Vec::with_capacity(ranges.len()), Vec::new());
    for (range, offsets) in ranges.iter().zip(offsets) {
        let lines = Lines::new(places.by_ref().take(offsets.len()).collect(), text.span);
        match one(language, sources, &shared, *range, lines, names) {
            Ok(expression) => compiled.push(expression),
            Err(more) => problems.extend(more),
        }
        if problems.len() >= ENOUGH_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() { Ok(compiled) } else { Err(problems) }
}

fn one(
    language: &Language,
    sources: &Sources,
    text: &Arc<Text>,
    (offset, end): (usize, usize),
    lines: Lines,
    names: &Names,
) -> Result<Expression, Vec<Diagnostic>> {
    let source = &text.value[offset..end];
    let place = Place { sources, text, offset, code: Code::BadExpression };
    if source.trim().is_empty() {
        return Err(vec![place.error("an empty expression", Position::NONE)]);
    }
    if let Some(problem) = too_complex(source) {
        return Err(vec![place.error(problem, Position::NONE)]);
    }
    let compile = |scope: &Scope<'_>| language.engine().compile_expression_with_scope(scope, source);
    let (ast, mut problems) = with_all_unknowns(compile, &place, names);
    let Some(ast) = ast else { return Err(problems) };
    let seen = inspect(language, &ast, &place, names);
    problems.extend(seen.problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Expression {
        ast,
        text: Arc::clone(text),
        range: (offset, end),
        lines,
        uses_pod: seen.uses_pod,
        vars: seen.vars,
    })
}

/// Compiles a script.
///
/// # Errors
/// Every mistake found in it, with its place.
pub fn script(language: &Language, sources: &Sources, text: &Text, names: &Names) -> Result<Script, Vec<Diagnostic>> {
    let place = Place { sources, text, offset: 0, code: Code::BadScript };
    if let Some(problem) = too_complex(&text.value) {
        return Err(vec![place.error(problem, Position::NONE)]);
    }
    let compile = |scope: &Scope<'_>| language.engine().compile_with_scope(scope, &text.value);
    let (ast, mut problems) = with_all_unknowns(compile, &place, names);
    let Some(ast) = ast else { return Err(problems) };
    problems.extend(inspect(language, &ast, &place, names).problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Script { ast, text: text.clone(), lines: Lines::of(sources, text) })
}

/// The most unknown variables that are reported for one text.
const MOST_UNKNOWNS: usize = 16;

/// Compiles a text. Rhai stops at the first unknown variable, so each one is reported, declared, and the text compiled
/// again: one run reports all of them.
fn with_all_unknowns(
    compile: impl Fn(&Scope<'_>) -> Result<AST, ParseError>,
    place: &Place<'_>,
    names: &Names,
) -> (Option<AST>, Vec<Diagnostic>) {
    let mut scope = scope::compile_scope(names.item);
    let mut problems = Vec::new();
    loop {
        match compile(&scope) {
            Ok(ast) => return (Some(ast), problems),
            Err(error) => {
                problems.push(parse_error(place, error.err_type(), error.position(), names));
                match error.err_type() {
                    ParseErrorType::VariableUndefined(name) if problems.len() < MOST_UNKNOWNS => {
                        scope.push(name.clone(), ());
                    }
                    _ => return (None, problems),
                }
            }
        }
    }
}

/// Why a source would cost the parser too much time or stack, if it would.
fn too_complex(source: &str) -> Option<&'static str> {
    if source.len() > MAX_SOURCE {
        return Some("longer than 64 KiB");
    }
    let mut depth = 0usize;
    let mut operators = 0usize;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // Prefix operators nest too: `!!!!…x`, `- - - x`.
            b'!' | b'-' | b'+' | b'~' => operators += 1,
            b' ' | b'\t' | b'\n' => {}
            _ => operators = 0,
        }
        if depth > 64 || operators > 64 {
            return Some("nested too deeply");
        }
    }
    None
}

/// A text that is being compiled, to turn Rhai's positions into spans.
struct Place<'p> {
    sources: &'p Sources,
    text: &'p Text,
    /// The byte of `text` at which the expression begins.
    offset: usize,
    /// The code of its mistakes.
    code: Code,
}

impl Place<'_> {
    fn error(&self, message: impl Into<String>, at: Position) -> Diagnostic {
        self.diagnostic(self.code, message, at, 1)
    }

    fn diagnostic(&self, code: Code, message: impl Into<String>, at: Position, width: usize) -> Diagnostic {
        let from = self.offset + byte_offset(&self.text.value[self.offset..], at);
        let to = (from + width).min(self.text.value.len());
        Diagnostic::new(code, message).at(self.text.locate_range(self.sources, from, to))
    }
}

fn parse_error(place: &Place<'_>, error: &ParseErrorType, at: Position, names: &Names) -> Diagnostic {
    match error {
        ParseErrorType::VariableUndefined(name) => unknown_variable(place, name, at, names),
        other => {
            let message = other.to_string();
            place.error(if message.is_empty() { "this can't be parsed".to_owned() } else { message }, at)
        }
    }
}

fn unknown_variable(place: &Place<'_>, name: &str, at: Position, names: &Names) -> Diagnostic {
    let diagnostic = place.diagnostic(Code::UnknownVariable, format!("there is no variable `{name}`"), at, name.len());
    let shell = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if name.starts_with("CLEARML_") {
        return diagnostic.help(
            "ClearML's own `${CLEARML_…}` strings work only in the template; in a rule, write task.id, queue.name and so on",
        );
    }
    if name == "item" {
        return diagnostic.help("`item` exists only inside a forEach");
    }
    if shell && place.code == Code::BadExpression {
        return diagnostic.help(format!(
            "for a variable of the shell, write `$${{{name}}}`; for one from podrules' own environment, list it under env: and write env.{name}"
        ));
    }
    if names.vars.iter().any(|v| v == name) {
        return diagnostic.help(format!("write vars.{name}"));
    }
    match did_you_mean(name, scope::VARIABLES.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help(format!("variables: {}", scope::VARIABLES.join(", "))),
    }
}

/// The findings of a walk through a syntax tree.
#[derive(Default)]
struct Seen {
    problems: Vec<Diagnostic>,
    uses_pod: bool,
    vars: Vec<String>,
}

fn inspect(language: &Language, ast: &AST, place: &Place<'_>, names: &Names) -> Seen {
    let mut seen = Seen::default();
    let own: HashSet<String> = ast.iter_functions().map(|f| f.name.to_owned()).collect();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, at)))
            | Some(ASTNode::Expr(Expr::MethodCall(call, at)))
            | Some(ASTNode::Stmt(Stmt::FnCall(call, at))) => {
                let name = call.name.as_str();
                let words = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
                if call.op_token.is_none() && words && !own.contains(name) && !language.knows_function(name) {
                    seen.problems.push(unknown_function(language, place, name, *at));
                }
            }
            Some(ASTNode::Expr(Expr::Variable(variable, _, _))) => match variable.1.as_str() {
                "pod" | "item" => seen.uses_pod = true,
                "vars" => seen.uses_pod = true,
                read => language.note_use(read),
            },
            Some(ASTNode::Expr(Expr::Dot(pair, ..))) => {
                if let (Expr::Variable(variable, _, _), Some((property, at))) = (&pair.lhs, first_property(&pair.rhs)) {
                    check_property(place, variable.1.as_str(), property, at, names, &mut seen);
                }
            }
            _ => {}
        }
        true
    });
    seen
}

/// The property directly after a variable. Rhai nests `a.b.c` to the right.
fn first_property(expr: &Expr) -> Option<(&str, Position)> {
    match expr {
        Expr::Property(property, at) => Some((property.2.as_str(), *at)),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => first_property(&pair.lhs),
        _ => None,
    }
}

fn check_property(place: &Place<'_>, variable: &str, property: &str, at: Position, names: &Names, seen: &mut Seen) {
    let (known, hint): (Vec<&str>, &str) = match variable {
        "vars" => (names.vars.iter().map(String::as_str).collect(), "the names under vars: in this file"),
        "env" => (names.env.iter().map(String::as_str).collect(), "list it under env: in this file"),
        "queue" => (vec!["id", "name"], "a queue has id and name"),
        "worker" => (vec!["id"], "a worker has id"),
        _ => return,
    };
    if known.contains(&property) {
        if variable == "vars" {
            seen.vars.push(property.to_owned());
        }
        return;
    }
    let what = format!("`{variable}` has no `{property}`");
    let diagnostic = place.diagnostic(Code::UnknownVariable, what, at, property.len());
    seen.problems.push(match did_you_mean(property, known.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{variable}.{meant}`?")),
        None => diagnostic.help(hint),
    });
}

fn unknown_function(language: &Language, place: &Place<'_>, name: &str, at: Position) -> Diagnostic {
    let diagnostic = place.diagnostic(Code::UnknownFunction, format!("there is no function `{name}`"), at, name.len());
    match did_you_mean(name, language.function_names()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help("docs/language.md lists the functions"),
    }
}

//! Expressions and scripts to syntax trees, with every unknown name found before a task meets it.

use super::engine::{Language, MAX_SOURCE};
use super::scope;
use crate::diagnostic::{Code, Diagnostic, Sources, Span, did_you_mean};
use crate::source::Text;
use rhai::{AST, ASTNode, Expr, ParseError, ParseErrorType, Position, Scope, Stmt};
use std::collections::HashSet;
use std::sync::Arc;

/// Mistakes in one text that are told before the rest of it is left alone.
const ENOUGH_PROBLEMS: usize = 20;

/// The names that an expression may use beside the fixed ones.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The file's `vars:`.
    pub vars: Vec<String>,
    /// The file's `env:`.
    pub env: Vec<String>,
    /// Whether it stands inside of `forEach`, where `item` is the match.
    pub item: bool,
}

/// Where the lines of an expression or a script stand, to point at what fails when it runs.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<Span>,
    whole: Span,
}

impl Lines {
    fn new(sources: &Sources, text: &Text) -> Self {
        Lines { starts: text.locate_all(sources, &line_starts(text, 0, text.value.len())), whole: text.span }
    }

    /// The place of a position that Rhai gives. Within a line, characters stand as they do in the source.
    pub fn span(&self, source: &str, at: Position) -> Span {
        let (Some(line), column) = (at.line(), at.position().unwrap_or(1)) else { return self.whole };
        let Some(start) = self.starts.get(line - 1) else { return self.whole };
        let text = source.lines().nth(line - 1).unwrap_or("");
        let before = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        let from = start.start + before as u32;
        Span { file: start.file, start: from, end: from + 1 }
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Its syntax tree.
    pub ast: AST,
    /// What was written; its span is where it stands.
    pub text: Arc<Text>,
    /// Where in `text` the expression stands: within `${ }` for one in a string.
    pub range: (usize, usize),
    /// Where its lines stand.
    pub lines: Lines,
    /// Whether it looks at the Pod, itself or through `vars`.
    pub uses_pod: bool,
    /// The `vars` it names.
    pub vars: Vec<String>,
}

/// A compiled script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its syntax tree.
    pub ast: AST,
    /// What was written.
    pub text: Text,
    /// Where its lines stand.
    pub lines: Lines,
}

impl Expression {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.text.value[self.range.0..self.range.1]
    }
}

/// The offsets at which the lines of a stretch of text begin.
fn line_starts(text: &Text, from: usize, to: usize) -> Vec<usize> {
    let breaks = text.value[from..to].match_indices('\n').map(|(at, _)| from + at + 1);
    std::iter::once(from).chain(breaks).collect()
}

/// Compiles the whole of a text as one expression.
pub fn expression(
    language: &Language,
    sources: &Sources,
    text: &Text,
    names: &Names,
) -> Result<Expression, Vec<Diagnostic>> {
    let mut all = expressions(language, sources, text, &[(0, text.value.len())], names)?;
    all.pop().ok_or_else(Vec::new)
}

/// Compiles the expressions that stand in a text, which must ascend. All share the text, and one pass finds their
/// places: there may be thousands. After some mistakes the rest isn't looked at.
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
        let lines = Lines { starts: places.by_ref().take(offsets.len()).collect(), whole: text.span };
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
    let seen = look(language, &ast, &place, names);
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
pub fn script(language: &Language, sources: &Sources, text: &Text, names: &Names) -> Result<Script, Vec<Diagnostic>> {
    let place = Place { sources, text, offset: 0, code: Code::BadScript };
    if let Some(problem) = too_complex(&text.value) {
        return Err(vec![place.error(problem, Position::NONE)]);
    }
    let compile = |scope: &Scope<'_>| language.engine().compile_with_scope(scope, &text.value);
    let (ast, mut problems) = with_all_unknowns(compile, &place, names);
    let Some(ast) = ast else { return Err(problems) };
    problems.extend(look(language, &ast, &place, names).problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Script { ast, text: text.clone(), lines: Lines::new(sources, text) })
}

/// Unknown variables of one text that are told.
const MOST_UNKNOWNS: usize = 16;

/// Compiles a text. Rhai stops at the first unknown variable: each is reported, then taken for known, so that one run
/// tells all.
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

/// Sources that would take the parser too long or too deep.
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

/// Where the text of an expression stands, for turning Rhai's positions into spans.
pub(super) struct Place<'p> {
    pub(super) sources: &'p Sources,
    pub(super) text: &'p Text,
    pub(super) offset: usize,
    pub(super) code: Code,
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

/// The byte at which a line and column of Rhai's stands.
pub(super) fn byte_offset(source: &str, at: Position) -> usize {
    let (Some(line), column) = (at.line(), at.position().unwrap_or(1)) else { return 0 };
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
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
            "ClearML's own `${CLEARML_…}` strings belong in templates; in a rule write task.id, queue.name and so on",
        );
    }
    if name == "item" {
        return diagnostic.help("`item` is there only inside of forEach");
    }
    if shell && place.code == Code::BadExpression {
        return diagnostic.help(format!(
            "for the shell's variable write `$${{{name}}}`; for one of podrules' own environment, list it under env: and write env.{name}"
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

/// What walking a syntax tree shows.
#[derive(Default)]
struct Seen {
    problems: Vec<Diagnostic>,
    uses_pod: bool,
    vars: Vec<String>,
}

fn look(language: &Language, ast: &AST, place: &Place<'_>, names: &Names) -> Seen {
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

/// The property right after a variable: Rhai nests `a.b.c` to the right.
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

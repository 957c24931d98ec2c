//! Reads a clearml.conf ([HOCON](https://github.com/lightbend/config/blob/main/HOCON.md)).
//!
//! hocon-parser parses. Ours are two restrictions: nothing outside the text is read (no `include`, no environment
//! variables), and nesting and growth are limited before the parser gets the text.

use crate::diagnostic::{Code, Diagnostic, FileId, Sources, Span};
use hocon::{HoconError, HoconValue, ScalarType, Token, TokenKind};
use serde_json::{Map, Number, Value};
use std::collections::{HashMap, HashSet};

/// The most bytes of a configuration.
const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting, counting dots in keys too.
const MAX_DEPTH: usize = 64;
/// The most uses of `+=`: the parser recurses once for each.
const MAX_APPENDS: usize = 256;
/// The most work of merging: the parser copies an object each time that something is added to it.
const MAX_MERGE_WORK: usize = 4_000_000;
/// The most that values may grow through `${…}`.
const MAX_GROWN_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

/// Reads a configuration.
///
/// # Errors
/// The first mistake, at its place.
pub fn read(sources: &Sources, file: FileId) -> Result<Value, Diagnostic> {
    let text = sources.text(file);
    let name = sources.name(file);
    let limit = |what: String| Diagnostic::new(Code::LimitExceeded, what);
    if text.len() > MAX_BYTES {
        return Err(limit(format!("{name} is larger than the limit of {} MiB for a configuration", MAX_BYTES >> 20)));
    }
    let place = |line: usize, column: usize| span_of(sources, file, line, column);
    let tokens = hocon::tokenize(text).map_err(|e| refuse(&e.message).at(place(e.line, e.col)))?;
    if let Some(include) = find_include(&tokens) {
        let message = "`include` is not supported: podrules reads only the file that it was given";
        return Err(Diagnostic::new(Code::Unsupported, message)
            .at(place(include.line, include.col))
            .help("copy the contents of the included file into this one, or quote the word if it is text"));
    }
    if let Some(deep) = too_deep(&tokens) {
        return Err(limit(format!("nested deeper than {MAX_DEPTH} levels")).at(place(deep.line, deep.col)));
    }
    if merges_too_often(&tokens) {
        return Err(limit(format!("{name} adds to existing keys too often"))
            .help("write each object once, with all its keys, and each list with all its elements"));
    }
    if grows_too_much(&tokens, text.len()) {
        return Err(limit(format!("{name} has so many `${{…}}` that its values could outgrow the memory")));
    }
    let config = hocon::parse_with_env(text, &HashMap::new()).map_err(|error| match error {
        HoconError::Parse(e) => refuse(&e.message).at(place(e.line, e.col)),
        HoconError::Resolve(e) => Diagnostic::new(Code::Context, format!("`${{{}}}`: {}", e.path, e.message))
            .at(place(e.line, e.col))
            .help("environment variables are not read: write the value itself, or `${?NAME}` where it may be missing"),
        other => refuse(&other.to_string()),
    })?;
    // A key of the root may contain a dot, so each is looked up in quotes.
    let entries = config.keys().into_iter().filter_map(|key| {
        let path = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        config.get(&path).map(|value| (key.to_owned(), to_value(value)))
    });
    Ok(Value::Object(entries.collect()))
}

fn refuse(what: &str) -> Diagnostic {
    Diagnostic::new(Code::Context, format!("this is not valid HOCON: {what}"))
}

/// The place of a line and a column, both counted from 1.
fn span_of(sources: &Sources, file: FileId, line: usize, column: usize) -> Span {
    let text = sources.text(file);
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let here = text.get(start..).unwrap_or("");
    let at = here.char_indices().nth(column.saturating_sub(1)).map_or(here.len(), |(at, _)| at);
    let width = here[at..].chars().next().map_or(0, char::len_utf8);
    Span::new(file, start + at, start + at + width)
}

/// The first `include` that could be a directive. After a `=`, a `:` or other text it is a value.
fn find_include(tokens: &[Token]) -> Option<&Token> {
    use TokenKind::*;
    let mut before: Option<&TokenKind> = None;
    tokens.iter().find(|token| {
        let value = matches!(
            before,
            Some(Colon | Equals | PlusEquals | LBracket | Unquoted | QuotedString | TripleQuotedString | Substitution)
        );
        before = Some(&token.kind);
        token.kind == Unquoted && token.value.trim() == "include" && !value
    })
}

/// The first token that is nested too deeply. A dotted key counts as the objects that it abbreviates.
fn too_deep(tokens: &[Token]) -> Option<&Token> {
    let mut open: Vec<usize> = Vec::new();
    let (mut depth, mut dots) = (0, 0);
    let mut separated = false;
    tokens.iter().find(|token| {
        let path = token.subst.as_ref().map_or(0, |substitution| substitution.segments.len());
        match token.kind {
            TokenKind::LBrace | TokenKind::LBracket => {
                open.push(1 + dots);
                depth += 1 + dots;
                dots = 0;
            }
            TokenKind::RBrace | TokenKind::RBracket => {
                depth -= open.pop().unwrap_or(0);
                dots = 0;
            }
            TokenKind::Comma => dots = 0,
            // A value may begin on the line after its key.
            TokenKind::Newline if !separated => dots = 0,
            TokenKind::Unquoted if !separated => dots += token.value.matches('.').count(),
            _ => {}
        }
        if token.kind != TokenKind::Newline {
            let opens = matches!(token.kind, TokenKind::LBrace | TokenKind::LBracket | TokenKind::Comma);
            let separator = matches!(token.kind, TokenKind::Colon | TokenKind::Equals | TokenKind::PlusEquals);
            separated = separator || (separated && !opens && token.kind != TokenKind::RBrace);
        }
        depth + dots > MAX_DEPTH || path > MAX_DEPTH
    })
}

/// Whether keys are repeated, with `+=` or with dots, so often that merging them would take long.
fn merges_too_often(tokens: &[Token]) -> bool {
    // For each open object, the keys seen in it; for a list, nothing.
    let mut open: Vec<Option<HashSet<&str>>> = vec![Some(HashSet::new())];
    let (mut again, mut appends) = (0, 0);
    let mut starts = true;
    for token in tokens {
        let key = matches!(token.kind, TokenKind::Unquoted | TokenKind::QuotedString) && starts;
        match token.kind {
            TokenKind::LBrace => open.push(Some(HashSet::new())),
            TokenKind::LBracket => open.push(None),
            TokenKind::RBrace | TokenKind::RBracket => drop(open.pop()),
            TokenKind::PlusEquals => appends += 1,
            _ => {}
        }
        if key && let Some(Some(keys)) = open.last_mut() {
            let dotted = token.kind == TokenKind::Unquoted && token.value.contains('.');
            again += usize::from(!keys.insert(&token.value) || dotted);
        }
        starts = matches!(token.kind, TokenKind::LBrace | TokenKind::Comma | TokenKind::Newline);
    }
    appends > MAX_APPENDS || (again + appends).saturating_mul(tokens.len()) > MAX_MERGE_WORK
}

/// Whether substitutions could multiply the text beyond the limit. Each copies a value that may contain copies itself; `n` of
/// them make at most about 3^(n/3) copies, if every value contains three of the one before.
fn grows_too_much(tokens: &[Token], len: usize) -> bool {
    let count = |kind: TokenKind| tokens.iter().filter(|token| token.kind == kind).count();
    let substitutions = count(TokenKind::Substitution);
    // `a += ${a}` counts twice: as written, and for the old value that `+=` includes.
    let copies = substitutions + substitutions.min(count(TokenKind::PlusEquals));
    copies > 1 && 3f64.powf(copies as f64 / 3.0) * len as f64 > MAX_GROWN_BYTES
}

fn to_value(value: &HoconValue) -> Value {
    match value {
        HoconValue::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), to_value(v))).collect::<Map<_, _>>())
        }
        HoconValue::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        HoconValue::Scalar(scalar) => match scalar.value_type {
            ScalarType::Boolean => Value::Bool(scalar.raw.eq_ignore_ascii_case("true")),
            ScalarType::Number => number(&scalar.raw),
            ScalarType::String => Value::String(scalar.raw.clone()),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// Reads a number. One that doesn't fit into 64 bits stays text, so that no digit is lost.
fn number(raw: &str) -> Value {
    let whole = raw.parse::<i64>().map(Number::from).or_else(|_| raw.parse::<u64>().map(Number::from)).ok();
    let fraction = || {
        let decimal = raw.contains(['.', 'e', 'E']);
        raw.parse::<f64>().ok().filter(|_| decimal).and_then(Number::from_f64)
    };
    whole.or_else(fraction).map_or_else(|| Value::String(raw.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn read_text(text: &str) -> Result<Value, String> {
        let mut sources = Sources::new();
        let file = sources.add("clearml.conf", text);
        read(&sources, file).map_err(|d| {
            let at = d.primary.map_or(String::new(), |l| sources.file_line_column(l.span));
            format!("{at}: {}: {}", d.code.as_str(), d.message)
        })
    }

    #[test]
    fn a_typical_configuration_is_read() {
        let value = read_text(include_str!("../../tests/data/clearml.conf")).unwrap();
        assert_eq!(value["api"]["credentials"]["access_key"], "EXAMPLEKEY");
        assert_eq!(
            value["agent"]["package_manager"]["extra_index_url"],
            json!(["https://pip.local/simple", "https://more.local/simple"])
        );
        assert_eq!(value["agent"]["venvs_cache"]["path"], "/cache/venvs");
        assert_eq!(value["agent"]["venvs_cache"]["max_entries"], 10);
        assert_eq!(value["agent"]["default_docker"]["image"], "nvidia/cuda:12.6.3-runtime-ubuntu22.04");
        assert_eq!(value["agent"]["match_rules"][0]["image"], "python:3.11");
        assert_eq!(value["sdk"]["development"]["worker"]["report_period_sec"], 2.5);
        assert_eq!(value["sdk"]["apply_environment"], true);
        assert_eq!(value["agent"].get("git_user"), None);
        assert_eq!(value["nfs"]["server"]["ip"], "10.0.0.5");
    }

    #[test]
    fn values_keep_their_types() {
        let text = "a = 1\nb: 1.5\nc: \"1\"\nd: null\ne: yes\nf: true\ng: 18446744073709551615\nh: 123456789012345678901234\n\"i.j\": 1\nk.l: []";
        let wanted = json!({
            "a": 1, "b": 1.5, "c": "1", "d": null, "e": "yes", "f": true, "g": 18446744073709551615u64,
            "h": "123456789012345678901234", "i.j": 1, "k": {"l": []},
        });
        assert_eq!(read_text(text).unwrap(), wanted);
        assert_eq!(read_text("").unwrap(), json!({}));
    }

    #[test]
    fn nothing_outside_the_text_is_read() {
        for text in [
            "include \"Cargo.toml\"",
            "a { include file(\"/etc/hostname\") }",
            "a = 1, include required(file(\"/etc/hostname\"))",
            "a = {b = 1} include \"x\"",
            "x = [1]\n  include\n  \"x\"",
            "include url(\"http://localhost/\")",
            "include package(\"a\", \"b\")",
            "a = [ { include \"x\" } ]",
        ] {
            let said = read_text(text).unwrap_err();
            assert!(said.contains("unsupported: `include` is not supported"), "{text}: {said}");
        }
        assert_eq!(
            read_text("a = include\nb = please include this\n\"include\" = 1").unwrap()["b"],
            "please include this"
        );
        assert!(read_text("a = ${PATH}").unwrap_err().starts_with("clearml.conf:1:5: context: `${PATH}`"));
        assert_eq!(read_text("a = ${?PATH}").unwrap(), json!({}));
        assert_eq!(read_text("a = ${?PATH}[]").ok(), Some(json!({"a": []})));
    }

    #[test]
    fn mistakes_have_a_place() {
        assert!(read_text("a = 1\nb = {\n").unwrap_err().starts_with("clearml.conf:"));
        assert!(read_text("é = \"open").unwrap_err().starts_with("clearml.conf:1:"));
        assert!(read_text("[1]").unwrap_err().contains("this is not valid HOCON"));
        assert!(read_text("a = }").is_err());
    }

    #[test]
    fn hostile_texts_dont_harm_the_process() {
        for cycle in ["a = ${a}", "a = ${b}\nb = ${a}", "a = {b = ${a.c}, c = ${a.b}}", "a = [${b}]\nb = {c = ${a}}"] {
            assert!(read_text(cycle).is_err(), "{cycle}");
        }
        for deep in [
            format!("a = {}", "[".repeat(100_000)),
            "a {".repeat(100_000),
            format!("a = {}{}", "[".repeat(65), "]".repeat(65)),
            "a.".repeat(100_000) + "b = 1",
            "\"a\".".repeat(100_000) + "b = 1",
            "a.b.c.d.e.f.g.h.i =\n {".repeat(10_000),
            format!("x = ${{{}b}}", "a.".repeat(1000)),
        ] {
            let said = read_text(&deep).unwrap_err();
            assert!(said.contains("nested deeper") || said.contains("HOCON"), "{said}");
        }
        let mut laughs = "a0 = [1, 2]\n".to_owned();
        for n in 1..60 {
            laughs += &format!("a{n} = [${{a{0}}}, ${{a{0}}}]\n", n - 1);
        }
        assert!(read_text(&laughs).unwrap_err().contains("outgrow"));
        assert!(read_text(&format!("a = [1]\n{}", "a += ${a}\n".repeat(40))).unwrap_err().contains("outgrow"));
        assert!(read_text(&"a += 1\n".repeat(200)).is_ok());
        let many: String = (0..9000).map(|n| format!("k{n} = 1\n")).collect();
        for again in ["k.a = 1\n", "k {a = 1}\n", "k += 1\n", "\"k\".\"a\" = 1\n"] {
            let said = read_text(&format!("k {{\n{many}}}\n{}", again.repeat(1000))).unwrap_err();
            assert!(said.contains("too often"), "{again}: {said}");
        }
        assert!(read_text(&"a += 1\n".repeat(257)).unwrap_err().contains("too often"));
        let rules: String = (0..2000).map(|n| format!("{{image: i{n}, match: {{user: u{n}}}}},")).collect();
        assert!(read_text(&format!("{many}\nmatch_rules = [{rules}]\nagent.a = 1\nagent.b = 2\n")).is_ok());
        assert!(read_text(&"x = 1\n".repeat(200_000)).unwrap_err().contains("larger than"));
    }
}

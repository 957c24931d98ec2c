#![allow(clippy::expect_used)]

use super::*;
use crate::diagnostic::{Code, FileId};
use proptest::prelude::*;
use serde_json::{Value, json};

const RULES: &str = "rules:\n  - name: a\n    do:\n      - set: {path: $.spec.x, value: 1}\n";

fn span(sources: &Sources, file: FileId, word: &str) -> Span {
    let at = sources.text(file).find(word).expect("the text must contain the word");
    Span::new(file, at, at + word.len())
}

/// One diagnostic with all fields, one with none.
fn sample() -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let rules = sources.add("my rules/a,b.yaml", RULES);
    let values = sources.add("values.yaml", "x: é\ny: 日本 z\n");
    let diagnostics = vec![
        Diagnostic::new(Code::NoMatch, "`$.spec.x` matches nothing in {}")
            .at_with(span(&sources, rules, "$.spec.x"), "no `x`")
            .related(span(&sources, values, "z"), "the Pod\ncomes from here")
            .related(span(&sources, rules, "name: a"), "in this rule")
            .help("100% sure:\nwrite `optional: true`")
            .rule("a"),
        Diagnostic::new(Code::RuleSkipped, "skipped"),
    ];
    (sources, diagnostics)
}

#[test]
fn human_shows_lines_carets_and_help() {
    let (sources, diagnostics) = sample();
    let expected = "\
error[no-match]: `$.spec.x` matches nothing in {}
 --> my rules/a,b.yaml:4:21
  |
2 |   - name: a
  |     ------- in this rule
3 |     do:
4 |       - set: {path: $.spec.x, value: 1}
  |                     ^^^^^^^^ no `x`
  |
 ::: values.yaml:2:7
  |
2 | y: 日本 z
  |         - the Pod␊comes from here
  |
  = in rule a
  = help: 100% sure:
          write `optional: true`

warning[rule-skipped]: skipped

";
    assert_eq!(human(&diagnostics, &sources, false), expected);
}

#[test]
fn human_colours_only_on_request() {
    let (sources, diagnostics) = sample();
    assert!(!human(&diagnostics, &sources, false).contains('\x1b'));
    assert!(human(&diagnostics, &sources, true).contains("\x1b["));
}

#[test]
fn human_lets_no_escape_through() {
    let mut sources = Sources::new();
    let file = sources.add("a\x1b]0;x\x07.yaml", "a: \x1b[2J\u{9b}31m \u{202e}b\r\nc: 1\r\n");
    let diagnostic = Diagnostic::new(Code::Yaml, "m\x1b[1m\u{85}")
        .at_with(Span::new(file, 0, 5), "l\x1b[1m\nerror: forged")
        .related(Span::NOWHERE, "r\x1b[1m")
        .help("h\x1b[1m")
        .rule("r\x1b[1m\nx");
    let text = human(std::slice::from_ref(&diagnostic), &sources, false);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.contains("1 | a: ␛[2J\u{fffd}31m \u{fffd}b\n"), "{text}");
    assert!(!text.contains("\nerror: forged") && !github(&[diagnostic], &sources).contains('\x1b'));
}

#[test]
fn human_cuts_wide_lines_and_quotes_huge_ones() {
    let mut sources = Sources::new();
    let wide = sources.add("wide", format!("{}HERE{}", "a ".repeat(300), "b ".repeat(300)));
    let huge = sources.add("huge.json", format!("\n{}HERE{}", "é ".repeat(30_000), "b ".repeat(30_000)));
    for file in [wide, huge] {
        let diagnostic = Diagnostic::new(Code::Json, "bad").at_with(span(&sources, file, "HERE"), "this");
        let text = human(&[diagnostic], &sources, false);
        assert!(text.contains("HERE") && text.contains("this"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
    }
    let diagnostic = Diagnostic::new(Code::Json, "bad").at(span(&sources, huge, "HERE"));
    let text = human(&[diagnostic], &sources, false);
    assert!(text.contains("--> huge.json:2:60001\n") && text.contains("note: near `é é"), "{text}");
}

#[test]
fn spans_without_a_source_are_omitted() {
    let nowhere = Span::new(FileId(u32::MAX), 3, 9);
    let diagnostic = Diagnostic::new(Code::Input, "m").at_with(nowhere, "l").related(nowhere, "r");
    let sources = Sources::new();
    let list = [diagnostic];
    assert_eq!(human(&list, &sources, false), "error[input]: m\n  |\n  = note: l\n  = note: r\n\n".replace("  ", " "));
    let expected =
        json!([{"code": "input", "severity": "error", "message": "m", "label": "l", "related": [{"message": "r"}]}]);
    assert_eq!(json(&list, &sources), expected);
    assert_eq!(github(&list, &sources), "::error title=podrules input::m: l\n");
    assert_eq!(sarif(&list, &sources)["runs"][0]["results"][0].get("locations"), None);
}

#[test]
fn json_has_its_documented_form() {
    let (sources, diagnostics) = sample();
    let expected = json!([
        {
            "code": "no-match", "severity": "error", "message": "`$.spec.x` matches nothing in {}",
            "help": "100% sure:\nwrite `optional: true`", "rule": "a",
            "file": "my rules/a,b.yaml", "line": 4, "column": 21, "endLine": 4, "endColumn": 29, "label": "no `x`",
            "related": [
                {"file": "values.yaml", "line": 2, "column": 7, "message": "the Pod\ncomes from here"},
                {"file": "my rules/a,b.yaml", "line": 2, "column": 5, "message": "in this rule"},
            ],
        },
        {"code": "rule-skipped", "severity": "warning", "message": "skipped", "related": []},
    ]);
    assert_eq!(json(&diagnostics, &sources), expected);
}

#[test]
fn github_escapes_properties_and_text() {
    let (sources, diagnostics) = sample();
    let expected = "::error file=my rules/a%2Cb.yaml,line=4,col=21,endLine=4,endColumn=29,title=podrules no-match::\
        `$.spec.x` matches nothing in {}: no `x`%0Avalues.yaml:2:7: the Pod%0Acomes from here%0A\
        my rules/a,b.yaml:2:5: in this rule%0Ain rule a%0Ahelp: 100%25 sure:%0Awrite `optional: true`\n\
        ::warning title=podrules rule-skipped::skipped\n";
    assert_eq!(github(&diagnostics, &sources), expected);
}

/// The parts of the official schema that podrules uses; unlisted properties aren't allowed.
fn sarif_schema() -> Value {
    let text = json!({"type": "object", "required": ["text"], "additionalProperties": false,
        "properties": {"text": {"type": "string", "minLength": 1}}});
    let level = json!({"enum": ["none", "note", "warning", "error"]});
    let at = json!({"type": "integer", "minimum": 1});
    let region = json!({"type": "object", "required": ["startLine"], "additionalProperties": false,
        "properties": {"startLine": at, "startColumn": at, "endLine": at, "endColumn": at}});
    let location = json!({"type": "object", "additionalProperties": false, "properties": {
        "id": {"type": "integer", "minimum": -1}, "message": text,
        "physicalLocation": {"type": "object", "required": ["artifactLocation"], "additionalProperties": false,
            "properties": {"region": region, "artifactLocation": {"type": "object", "additionalProperties": false,
                "properties": {"uri": {"type": "string", "pattern": "^(file://)?[-A-Za-z0-9._~/!$&'()*+,;=@%]+$"}}}}}}});
    let rule = json!({"type": "object", "required": ["id"], "additionalProperties": false, "properties": {
        "id": {"type": "string"}, "shortDescription": text,
        "defaultConfiguration": {"type": "object", "additionalProperties": false, "properties": {"level": level}}}});
    let result = json!({"type": "object", "required": ["message"], "additionalProperties": false, "properties": {
        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0}, "level": level, "message": text,
        "locations": {"type": "array", "items": location},
        "relatedLocations": {"type": "array", "uniqueItems": true, "items": location},
        "properties": {"type": "object"}}});
    json!({"type": "object", "required": ["version", "runs"], "additionalProperties": false, "properties": {
        "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"type": "object", "required": ["tool"], "additionalProperties": false,
            "properties": {
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {"type": "object",
                    "required": ["name"], "additionalProperties": false, "properties": {
                        "name": {"type": "string"}, "version": {"type": "string"},
                        "rules": {"type": "array", "uniqueItems": true, "items": rule}}}}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": result}}}}}})
}

#[test]
fn sarif_has_the_form_of_2_1_0() {
    let (mut sources, mut diagnostics) = sample();
    let absolute = sources.add("/etc/x y.yaml", "a");
    diagnostics.push(Diagnostic::new(Code::Input, "m").at(Span::new(absolute, 0, 1)));
    let log = sarif(&diagnostics, &sources);
    let validator = jsonschema::validator_for(&sarif_schema()).expect("the schema must be valid");
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());

    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    assert_eq!(rules.len(), Code::ALL.len());
    let result = &run["results"][0];
    assert_eq!(rules[result["ruleIndex"].as_u64().expect("an index") as usize]["id"], result["ruleId"]);
    let text = "`$.spec.x` matches nothing in {{}}: no `x`\n100% sure:\nwrite `optional: true`";
    assert_eq!(result["message"]["text"], text);
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20rules/a,b.yaml");
    assert_eq!(place["region"], json!({"startLine": 4, "startColumn": 21, "endLine": 4, "endColumn": 29}));
    assert_eq!(result["relatedLocations"].as_array().map(Vec::len), Some(2));
    let place = &run["results"][2]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "file:///etc/x%20y.yaml");
}

#[test]
fn summaries_count() {
    let (_, diagnostics) = sample();
    assert_eq!(summary(&diagnostics), "1 error, 1 warning");
    assert_eq!(summary(&[diagnostics[0].clone(), diagnostics[0].clone()]), "2 errors");
    assert_eq!(summary(&[]), "no findings");
}

proptest! {
    /// Wherever spans point, even inside characters or past the end, everything is rendered, and nothing that a terminal
    /// would interpret is printed.
    #[test]
    fn any_span_of_any_text_is_rendered(
        text in "(\\PC|[\\x00-\\x1f\n\r\té日\u{9b}\u{202e}\u{200d}👩]){0,60}",
        message in "(\\PC|[\n\t\x1b\u{85}]){0,20}",
        spans in prop::collection::vec((0_u32..3, 0_usize..200, 0_usize..200), 0..4),
    ) {
        let mut sources = Sources::new();
        sources.add("a", text.clone());
        sources.add(message.clone(), format!("x: 1\n{text}\n"));
        let mut diagnostic = Diagnostic::new(Code::Yaml, message.clone()).help(message.clone()).rule(message.clone());
        for (index, (file, start, end)) in spans.into_iter().enumerate() {
            let span = Span::new(FileId(file), start, end);
            diagnostic = match index {
                0 => diagnostic.at_with(span, message.clone()),
                _ => diagnostic.related(span, message.clone()),
            };
        }
        let list = [diagnostic];
        let shown = human(&list, &sources, false);
        prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || !(c.is_control() || c == '\u{202e}')), "{:?}", shown);
        let commands = github(&list, &sources);
        prop_assert!(commands.lines().count() == 1 && !commands.contains('\x1b'));
        json(&list, &sources);
        sarif(&list, &sources);
        human(&list, &sources, true);
    }
}

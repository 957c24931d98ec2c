//! podrules' output is read back as the same value: by podrules itself, and by PyYAML and kubectl, which read YAML 1.1.
//!
//! `KUBECTL` names another kubectl. In CI the tests fail if PyYAML or kubectl is missing.
#![allow(clippy::expect_used)]

use podrules::diagnostic::{Diagnostics, Sources};
use podrules::edit::Pointer;
use podrules::output::{documents, lines, to_yaml};
use podrules::source::yaml;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::process::{Command, Stdio};

#[path = "output/words.rs"]
mod words;

/// Reads output back; there must be no findings.
fn read(text: &str) -> Vec<Value> {
    let mut sources = Sources::new();
    let file = sources.add("printed", text);
    let mut found = Diagnostics::new();
    let nodes = yaml::read(&sources, file, &mut found);
    assert!(found.is_empty(), "{:?}\n{text}", found.into_vec());
    nodes.iter().map(|node| node.to_value()).collect()
}

/// Texts that are hard to print: words that look like other types, and mixtures of characters with a meaning in YAML.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(words::WORDS).prop_map(str::to_owned),
        "[0-9_.:+\\-eExXoObBfTZ]{1,7}",
        "[a0:#\\-?,\\[\\]{}&*!|>'\"%@`~<= \\\\\n\t]{1,7}",
        "[a \n\t]{0,8}",
        "[a\\x00-\\x1f\\x7f-\u{a0}\u{2028}\u{2029}\u{feff}\u{fffe}\u{1f600}\n]{0,6}",
        "\\PC{0,12}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has no such number", |f| serde_json::Number::from_f64(f).map(Value::from)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn output_is_read_back(value in value()) {
        // The reader treats an empty document like a null.
        let expected: Vec<Value> = Some(value.clone()).filter(|value| !value.is_null()).into_iter().collect();
        prop_assert_eq!(read(&to_yaml(&value)), expected);
    }

    #[test]
    fn keys_keep_their_order(keys in prop::collection::vec(text(), 0..8)) {
        let map: Map<String, Value> = keys.into_iter().map(|key| (key, json!(1))).collect();
        let back = read(&to_yaml(&Value::Object(map.clone())));
        let back = back[0].as_object().expect("a mapping");
        prop_assert!(back.keys().eq(map.keys()));
    }

    #[test]
    fn documents_are_read_back(values in prop::collection::vec(value(), 0..4)) {
        let expected: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
        prop_assert_eq!(read(&documents(&values)), expected);
    }

    #[test]
    fn every_line_has_a_place(value in value()) {
        let lines = lines(&value);
        let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
        prop_assert_eq!(text, to_yaml(&value));
        if !value.is_null() {
            for (_, place) in &lines {
                prop_assert!(place.as_ref().is_some_and(|place| place.get(&value).is_some()), "{:?}", place);
            }
        }
    }

    /// Texts in a list: only the line with an element's dash begins in the first column.
    #[test]
    fn lines_of_blocks_belong_to_their_element(texts in prop::collection::vec(text(), 1..6)) {
        let mut index = 0;
        for (line, place) in lines(&json!(texts)) {
            index += usize::from(line.starts_with('-'));
            prop_assert_eq!(place, Some(Pointer::root().child(index - 1)), "{}", line);
        }
        prop_assert_eq!(index, texts.len());
    }
}

/// Every word, and thousands of combinations of special characters.
fn nasty() -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let made = (0..6_000).map(|_| text().new_tree(&mut runner).expect("a text").current());
    let mut all: Vec<String> = words::WORDS.iter().map(|word| (*word).to_owned()).chain(made).collect();
    all.sort();
    all.dedup();
    all
}

fn config_map(texts: &[String], annotations: bool) -> Value {
    let data: Map<String, Value> =
        texts.iter().enumerate().map(|(index, text)| (format!("k{index}"), text.as_str().into())).collect();
    let keys: Map<String, Value> = texts.iter().map(|text| (text.clone(), "x".into())).collect();
    let keys = if annotations { keys } else { Map::new() };
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": keys}, "data": data})
}

/// Runs a program on a text; `None` if the program isn't installed.
fn pipe(program: &str, arguments: &[&str], input: &str) -> Option<Result<Vec<u8>, String>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let input = input.to_owned();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()));
    let output = child.wait_with_output().ok()?;
    drop(writer.join());
    Some(match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

#[test]
fn pyyaml_reads_the_same() {
    if !matches!(pipe("python3", &["-c", "import yaml"], ""), Some(Ok(_))) {
        assert!(std::env::var_os("CI").is_none(), "CI needs python3 with PyYAML for this test");
        println!("skipped: python3 with PyYAML is not installed");
        return;
    }
    let texts = nasty();
    let value = json!({
        "list": texts,
        "keys": texts.iter().map(|text| (text.clone(), json!([text]))).collect::<Map<_, _>>(),
        "numbers": [0, 1.0, 1e21, 1e-7, 5e-324, f64::MAX, i64::MIN, u64::MAX, true, null, {}, [], [[]], [[1, [2, {"on": []}]]]],
    });
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)";
    let back = pipe("python3", &["-c", script], &to_yaml(&value)).expect("python3").expect("PyYAML reads it");
    let back: Value = serde_json::from_slice(&back).expect("JSON");
    same(&texts, back["list"].as_array().expect("a list"));
    assert_eq!(back, value);
}

#[test]
fn kubectl_reads_the_same() {
    let kubectl = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
    if !matches!(pipe(&kubectl, &["version", "--client"], ""), Some(Ok(_))) {
        assert!(std::env::var_os("CI").is_none(), "CI needs kubectl for this test");
        println!("skipped: kubectl is not installed");
        return;
    }
    let texts = nasty();
    let value = config_map(&texts, true);
    let patch = ["patch", "--local", "--type=merge", "-p", "{}", "-o", "json", "-f", "-"];
    let back = pipe(&kubectl, &patch, &to_yaml(&value)).expect("kubectl").expect("kubectl reads it");
    let back: Value = serde_json::from_slice(&back).expect("JSON");
    let data = &back["data"];
    let read: Vec<Value> = (0..texts.len()).map(|index| data[format!("k{index}")].clone()).collect();
    same(&texts, &read);
    assert_eq!(back["metadata"]["annotations"], value["metadata"]["annotations"]);
}

/// Compares one by one, so that a single difference among thousands is shown on its own.
fn same(texts: &[String], read: &[Value]) {
    assert_eq!(texts.len(), read.len());
    let different: Vec<_> = texts.iter().zip(read).filter(|(text, read)| read.as_str() != Some(text)).collect();
    assert!(different.is_empty(), "{} differ: {different:?}", different.len());
}

#[test]
fn it_looks_like_kubernetes_yaml() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {
            "containers": [{
                "name": "task", "args": ["-c", "set -e\necho hi\n"],
                "env": [{"name": "A", "value": "on"}, {"name": "B", "value": "010"}],
                "command": [], "resources": {},
            }],
            "tolerations": [[1, [2]], "yes"], "y": null, "x": "no end\nof line", "long": "word ".repeat(40) + ".",
        },
    });
    let expected = r#"apiVersion: v1
kind: Pod
spec:
  containers:
  - name: task
    args:
    - -c
    - |
      set -e
      echo hi
    env:
    - name: A
      value: "on"
    - name: B
      value: "010"
    command: []
    resources: {}
  tolerations:
  - - 1
    - - 2
  - "yes"
  "y": null
  x: |-
    no end
    of line
  long: LONG
"#;
    assert_eq!(to_yaml(&pod), expected.replace("LONG", &("word ".repeat(40) + ".")));
    assert_eq!(documents(&[json!({"a": 1}), json!({"b": "2"})]), "a: 1\n---\nb: \"2\"\n");
}

#[test]
fn lines_know_their_places() {
    let value = json!({"spec": {
        "containers": [{"name": "x", "args": ["-c", "\na\n\nb\n"]}, [[1]], {}],
        "a.b": "one\ntwo",
    }});
    let expected = [
        ("spec:", "$.spec"),
        ("  containers:", "$.spec.containers"),
        ("  - name: x", "$.spec.containers[0].name"),
        ("    args:", "$.spec.containers[0].args"),
        ("    - -c", "$.spec.containers[0].args[0]"),
        ("    - |", "$.spec.containers[0].args[1]"),
        ("", "$.spec.containers[0].args[1]"),
        ("      a", "$.spec.containers[0].args[1]"),
        ("", "$.spec.containers[0].args[1]"),
        ("      b", "$.spec.containers[0].args[1]"),
        ("  - - - 1", "$.spec.containers[1][0][0]"),
        ("  - {}", "$.spec.containers[2]"),
        ("  a.b: |-", "$.spec['a.b']"),
        ("    one", "$.spec['a.b']"),
        ("    two", "$.spec['a.b']"),
    ];
    let found: Vec<(String, String)> =
        lines(&value).into_iter().map(|(line, place)| (line, place.expect("a place").to_string())).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(line, place)| (line.as_str(), place.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(lines(&json!({})), [("{}".to_owned(), Some(Pointer::root()))]);
}

#[test]
fn diffs_show_what_changed() {
    use podrules::output::unified;
    let before = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n";
    let after = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: \x1b[31m7";
    let expected = "\
--- x␊y
+++ after
@@ -3,4 +3,4 @@
 c: 3
 d: 4
 e: 5
-f: 6
+f: ␛[31m7
\\ No newline at end of file
";
    assert_eq!(unified(before, after, "x\ny", "after", false), expected);
    assert_eq!(unified(before, before, "a", "b", true), "");
    let colours = unified(before, after, "a", "b", true);
    assert!(colours.contains("\x1b[31m-f: 6\x1b[0m\n"), "{colours:?}");
}

use crate::{all_pass, suite};
use podrules::edit::{Editor, Pointer, json_patch};
use serde_json::{Value, json};

const FROM: &str = "github.com/json-patch/json-patch-tests";

fn patched(doc: &Value, patch: &Value, base: &Pointer) -> Result<Value, (usize, String)> {
    let mut editor = Editor::new(doc.clone());
    let done = json_patch::parse(patch).and_then(|ops| json_patch::apply(&mut editor, base, &ops));
    match done {
        Ok(()) => Ok(editor.into_parts().0),
        Err(error) => {
            assert_eq!(editor.root().to_string(), doc.to_string(), "a failed patch left something behind");
            Err(error)
        }
    }
}

fn check(case: &Value) -> Result<(), String> {
    let result = patched(&case["doc"], &case["patch"], &Pointer::root());
    match (result, case.get("expected"), case.get("error")) {
        (Err(_), None, Some(_)) => Ok(()),
        (Err((index, why)), ..) => Err(format!("failed at {index}: {why}")),
        (Ok(found), _, Some(_)) => Err(format!("gave {found}")),
        (Ok(found), Some(expected), None) if found != *expected => Err(format!("gave {found}")),
        (Ok(_), ..) => Ok(()),
    }
}

fn run_suite(file: &str, count: usize, disabled: usize) {
    let Some(suite) = suite("json-patch-rfc6902", file, FROM) else { return };
    let cases = suite.as_array().cloned().unwrap_or_default();
    let (skipped, run): (Vec<&Value>, Vec<&Value>) = cases.iter().partition(|case| case["disabled"] == true);
    assert_eq!((cases.len(), skipped.len()), (count, disabled));
    let failures: Vec<String> =
        run.iter().filter_map(|case| check(case).err().map(|why| format!("{case}: {why}"))).collect();
    all_pass(&failures);
}

#[test]
fn rfc_6902_tests() {
    run_suite("tests.json", 95, 3);
}

#[test]
fn rfc_6902_examples() {
    run_suite("spec_tests.json", 17, 1);
}

#[test]
fn a_patch_can_be_applied_below_the_root() {
    let doc = json!({"a": [{"b": 1}], "b": 0});
    let base = Pointer::root().child("a").child(0);
    let patch = json!([{"op": "test", "path": "/b", "value": 1.0}, {"op": "move", "from": "/b", "path": "/c"}]);
    assert_eq!(patched(&doc, &patch, &base), Ok(json!({"a": [{"c": 1}], "b": 0})));
    let patch = json!([{"op": "add", "path": "", "value": {}}]);
    assert_eq!(patched(&doc, &patch, &base), Ok(json!({"a": [{}], "b": 0})));
    let gone = Pointer::root().child("x");
    assert_eq!(patched(&doc, &patch, &gone).map_err(|(index, _)| index), Ok(json!({"a": [{"b": 1}], "b": 0, "x": {}})));
}

#[test]
fn errors_name_the_operation_and_the_reason() {
    let doc = json!({"a": [1], "s": "x"});
    let cases = [
        (json!({}), 0, "list of operations"),
        (json!([{"op": "ad", "path": "/a", "value": 1}]), 0, "did you mean add"),
        (json!([{"op": "remove", "path": "/s"}, {"op": "add", "path": "/b"}]), 1, "add needs value"),
        (json!([{"op": "remove", "path": "/s"}, {"op": "test", "path": "/a", "value": 2}]), 1, "/a is [1], not 2"),
        (json!([{"op": "remove", "path": "a"}]), 0, "begins with /"),
        (json!([{"op": "remove", "path": "/a/01"}]), 0, "not a list index"),
        (json!([{"op": "remove", "path": "/a/-"}]), 0, "/a/- does not exist"),
        (json!([{"op": "add", "path": "/a/2", "value": 0}]), 0, "past the end"),
        (json!([{"op": "add", "path": "/s/y", "value": 0}]), 0, "/s is a string"),
        (json!([{"op": "add", "path": "/x/y", "value": 0}]), 0, "/x does not exist"),
        (json!([{"op": "remove", "path": "/a~2"}]), 0, "~0"),
        (json!([{"op": "move", "from": "/a", "path": "/a/0"}]), 0, "into itself"),
    ];
    for (patch, index, part) in cases {
        let (at, why) = patched(&doc, &patch, &Pointer::root()).err().unwrap_or_default();
        assert!(at == index && why.contains(part), "{patch}: {at} {why}");
    }
}

#[test]
fn copies_of_copies_are_bounded() {
    let doubling = |n: usize| json!({"op": "copy", "from": "", "path": format!("/k{n}")});
    let wide: Vec<Value> = (0..60).map(doubling).collect();
    let (_, why) = patched(&json!({}), &json!(wide), &Pointer::root()).err().unwrap_or_default();
    assert!(why.contains("copies more"), "{why}");
    let deep: Vec<Value> =
        (0..20).map(|n| json!({"op": "copy", "from": "", "path": format!("{}/k", "/k".repeat(n))})).collect();
    let (_, why) = patched(&json!({}), &json!(deep), &Pointer::root()).err().unwrap_or_default();
    assert!(why.contains("deeper than 100 levels"), "{why}");
}

use podrules::edit::{ChangeKind, Editor, Pointer, merge_patch};
use serde_json::{Value, json};

fn merged(doc: Value, patch: &Value) -> Value {
    let mut editor = Editor::new(doc);
    assert_eq!(merge_patch::apply(&mut editor, &Pointer::root(), patch), Ok(()));
    editor.into_parts().0
}

#[test]
fn rfc_7386_appendix_a() {
    let cases = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ];
    assert_eq!(cases.len(), 15);
    for (doc, patch, expected) in cases {
        assert_eq!(merged(doc.clone(), &patch), expected, "{doc} with {patch}");
    }
}

#[test]
fn only_changes_are_recorded() {
    let mut editor = Editor::new(json!({"spec": {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}}));
    let patch = json!({"a": 1, "b": {"c": 5}, "e": null, "f": null, "g": {"h": null, "i": [null]}});
    assert_eq!(merge_patch::apply(&mut editor, &Pointer::root().child("spec"), &patch), Ok(()));
    let log: Vec<String> = editor.log().iter().map(|change| change.at.to_string()).collect();
    assert_eq!(log, ["$.spec.b.c", "$.spec.e", "$.spec.g"]);
    assert!(matches!(editor.log()[1].kind, ChangeKind::RemovedKey(2, _)));
    assert_eq!(editor.root().to_string(), r#"{"spec":{"a":1,"b":{"c":5,"d":3},"g":{"i":[null]}}}"#);
}

#[test]
fn missing_parents_are_created() {
    let mut editor = Editor::new(json!({"spec": null}));
    let at = Pointer::root().child("spec").child("securityContext");
    assert_eq!(merge_patch::apply(&mut editor, &at, &json!({"runAsUser": 1, "x": null})), Ok(()));
    assert_eq!(editor.root(), &json!({"spec": {"securityContext": {"runAsUser": 1}}}));
    assert!(merge_patch::apply(&mut editor, &at.child("runAsUser").child("x"), &json!({})).is_err());
}

//! Any edit of a document can be undone exactly, and paths select only places that exist.

use podrules::edit::{Editor, Pointer, Step, json_patch, merge_patch};
use podrules::path::Path;
use proptest::prelude::*;
use serde_json::{Value, json};

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", Just("app.kubernetes.io/name".to_owned()), Just("a'~/\\".to_owned())]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn place() -> impl Strategy<Value = Pointer> {
    let step = prop_oneof![key().prop_map(|key| Step::from(key.as_str())), (0_usize..4).prop_map(Step::from)];
    prop::collection::vec(step, 0..4).prop_map(Pointer::from_iter)
}

/// A place as a JSON Pointer.
fn json_pointer(at: &Pointer) -> String {
    let token = |step: &Step| match step {
        Step::Key(key) => key.replace('~', "~0").replace('/', "~1"),
        Step::Index(index) => index.to_string(),
    };
    at.steps().iter().map(|step| format!("/{}", token(step))).collect()
}

#[derive(Debug, Clone)]
enum Edit {
    Set(Pointer, Value),
    SetCreating(Pointer, Value),
    Insert(Pointer, usize, Value),
    Remove(Pointer),
    EnsureList(Pointer),
    Merge(Pointer, Value),
    Patch(Pointer, Value),
}

fn operation() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]);
    (name, place(), place(), document()).prop_map(|(op, path, from, value)| {
        json!({"op": op, "path": json_pointer(&path), "from": json_pointer(&from), "value": value})
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (place(), document()).prop_map(|(at, value)| Edit::Set(at, value)),
        (place(), document()).prop_map(|(at, value)| Edit::SetCreating(at, value)),
        (place(), 0_usize..4, document()).prop_map(|(at, index, value)| Edit::Insert(at, index, value)),
        place().prop_map(Edit::Remove),
        place().prop_map(Edit::EnsureList),
        (place(), document()).prop_map(|(at, patch)| Edit::Merge(at, patch)),
        (place(), prop::collection::vec(operation(), 0..4)).prop_map(|(at, ops)| Edit::Patch(at, Value::from(ops))),
    ]
}

/// Applies an edit; `false` if it failed, as many do.
fn carry_out(editor: &mut Editor, edit: &Edit) -> bool {
    match edit {
        Edit::Set(at, value) => editor.set(at, value.clone()).is_ok(),
        Edit::SetCreating(at, value) => editor.set_creating(at, value.clone()).is_ok(),
        Edit::Insert(at, index, value) => editor.insert(at, *index, value.clone()).is_ok(),
        Edit::Remove(at) => editor.remove(at).is_ok(),
        Edit::EnsureList(at) => editor.ensure_list(at).is_ok(),
        Edit::Merge(at, patch) => merge_patch::apply(editor, at, patch).is_ok(),
        Edit::Patch(at, ops) => json_patch::parse(ops).and_then(|ops| json_patch::apply(editor, at, &ops)).is_ok(),
    }
}

/// RFC 7386's own pseudocode.
fn merged(target: Option<&Value>, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = target.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            let value = merged(target.get(key), value);
            target.insert(key.clone(), value);
        }
    }
    Value::Object(target)
}

/// Texts assembled from parts of paths, so that many are valid paths.
fn path_text() -> impl Strategy<Value = String> {
    let parts = vec![
        ".a",
        ".b",
        "..a",
        "..*",
        ".*",
        "[*]",
        "[0]",
        "[-1]",
        "['a']",
        "[1:]",
        "[::-1]",
        "[0,'a']",
        "[?@.a]",
        "[?@ == 1]",
        "[?@.a < 2 || !(@.b == $.c)]",
        "[?length(@) > 1]",
        "[?count(@..*) > 2]",
        "[?match(@, '[ab].?')]",
        "[?search(@.a, $.b)]",
        "[?value(@..a) == 'a']",
        "[?@[?@ > 0]]",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..5).prop_map(|parts| format!("${}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rollback_restores_the_document(doc in document(), before in edit(), edits in prop::collection::vec(edit(), 1..8)) {
        let mut editor = Editor::new(doc);
        carry_out(&mut editor, &before);
        let (text, mark) = (editor.root().to_string(), editor.mark());
        for edit in &edits {
            let (text, mark) = (editor.root().to_string(), editor.mark());
            if !carry_out(&mut editor, edit) {
                prop_assert_eq!(editor.root().to_string(), text, "{:?} failed and left changes behind", edit);
                prop_assert_eq!(editor.mark(), mark);
            }
        }
        editor.rollback(mark);
        prop_assert_eq!(editor.root().to_string(), text);
    }

    #[test]
    fn a_merge_follows_the_rfc(doc in document(), patch in document()) {
        let expected = merged(Some(&doc), &patch);
        let mut editor = Editor::new(doc);
        prop_assert_eq!(merge_patch::apply(&mut editor, &Pointer::root(), &patch), Ok(()));
        prop_assert_eq!(editor.root().to_string(), expected.to_string());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", start in prop::sample::select(vec!["", "$", "@", "$[?", "$."])) {
        let text = format!("{start}{text}");
        for parsed in [Path::parse(&text), Path::parse_relative(&text)] {
            match parsed {
                Ok(path) => prop_assert_eq!(path.to_string(), text.clone()),
                Err(error) => prop_assert!(text.is_char_boundary(error.offset) && !error.message.is_empty()),
            }
        }
    }

    #[test]
    fn near_paths_are_read_or_refused(text in "[$@.a0*?!&|=<>,:()\\[\\]'\" -]{0,24}") {
        for text in [text.clone(), format!("${text}"), format!("$[?{text}]"), format!("$[?length({text})]")] {
            if let Err(error) = Path::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }

    #[test]
    fn paths_select_existing_places(doc in document(), text in path_text(), base in place()) {
        let path = Path::parse(&text);
        prop_assert!(path.is_ok(), "{}: {:?}", text, path);
        let Ok(path) = path else { return Ok(()) };
        let found = path.select(&doc);
        for at in &found {
            prop_assert!(at.get(&doc).is_some());
            let again = Path::parse(&at.normalized()).map(|exact| exact.select(&doc));
            prop_assert_eq!(again, Ok(vec![at.clone()]));
            let again = Path::parse(&at.to_string()).map(|exact| exact.select(&doc));
            prop_assert_eq!(again, Ok(vec![at.clone()]));
        }
        let (_, why) = path.deepest_match(&doc, &base);
        prop_assert_eq!(why == "it matches", !found.is_empty());
        if let Ok(relative) = Path::parse_relative(&text.replacen('$', "@", 1)) {
            prop_assert!(relative.select_from(&doc, &base).iter().all(|at| at.starts_with(&base) && at.get(&doc).is_some()));
        }
    }
}

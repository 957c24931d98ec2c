use super::{Path, SingularStep, TooMuchWork};
use crate::edit::Pointer;
use serde_json::{Value, json};

fn pod() -> Value {
    json!({
        "metadata": {"labels": {"app.kubernetes.io/name": "x"}},
        "spec": {"containers": [
            {"name": "task", "image": "nvidia/cuda:12", "env": []},
            {"name": "side", "image": "busybox", "env": [{"name": "A", "value": "1"}]},
        ]},
    })
}

fn path(text: &str) -> Path {
    match Path::parse_relative(text) {
        Ok(path) => path,
        Err(error) => unreachable!("{text}: {error}"),
    }
}

fn selected(text: &str) -> Vec<String> {
    path(text).select(&pod()).iter().map(Pointer::to_string).collect()
}

#[test]
fn selects_in_document_order() {
    assert_eq!(
        selected("$..name"),
        ["$.spec.containers[0].name", "$.spec.containers[1].name", "$.spec.containers[1].env[0].name"]
    );
    assert_eq!(selected("$.spec.containers[?match(@.image, 'nvidia/.*')].env"), ["$.spec.containers[0].env"]);
    assert_eq!(selected("$.spec.containers[-1].name"), ["$.spec.containers[1].name"]);
    assert_eq!(selected("$.spec.containers[::-1].name"), ["$.spec.containers[1].name", "$.spec.containers[0].name"]);
    assert!(selected("$.spec.containers[7]").is_empty());
}

#[test]
fn relative_paths_begin_at_their_base() {
    let pod = pod();
    let base = Pointer::of(["spec", "containers"]).child(1);
    let found = path("@.env[?@.value != $.metadata.name].name").select_from(&pod, &base);
    assert_eq!(found.iter().map(Pointer::to_string).collect::<Vec<_>>(), ["$.spec.containers[1].env[0].name"]);
    assert_eq!(path("@").select_from(&pod, &base), [base]);
    assert!(path("@.a").is_relative() && !path("$.a").is_relative());
    assert!(Path::parse("@.a").is_err());
}

#[test]
fn singular_paths_resolve_to_places_that_may_be_missing() {
    let (pod, root) = (pod(), Pointer::root());
    let resolved = |text: &str| path(text).resolve_singular(&pod, &root).map(|at| at.to_string());
    assert_eq!(resolved("$.spec.containers[-2].name").as_deref(), Some("$.spec.containers[0].name"));
    assert_eq!(resolved("$.spec.containers[2]").as_deref(), Some("$.spec.containers[2]"));
    assert_eq!(resolved("$.spec.volumes[0].name").as_deref(), Some("$.spec.volumes[0].name"));
    assert_eq!(resolved("$.spec.volumes[-1]"), None);
    assert_eq!(resolved("$.spec.containers[-3]"), None);
    assert_eq!(resolved("$.spec.*"), None);
    assert_eq!(path("$['a'][1]").singular(), Some(vec![SingularStep::Key("a".into()), SingularStep::Index(1)]));
    assert_eq!(path("$..a").singular(), None);
}

#[test]
fn messages_say_what_to_write() {
    let cases = [
        ("", 0, "the path is empty"),
        ("spec.containers", 0, "begins with $ (the Pod): write $.spec.containers"),
        ("/spec/containers/0/a~1b", 0, "$.spec.containers[0]['a/b']"),
        (" $.a", 0, "can't begin with a space"),
        ("$.metadata.labels.app/kubernetes", 18, "$.metadata.labels['app/kubernetes']"),
        ("$.metadata.labels.app.kubernetes.io/name", 18, "$.metadata.labels['app.kubernetes.io/name']"),
        ("$.spec.my-key.b", 7, "$.spec['my-key']"),
        ("$.spec.containers.0", 18, "written [0]"),
        ("$.spec.containers.[0]", 18, "leave out the dot"),
        ("$.spec.", 7, "a key is missing"),
        ("$.spec[containers]", 7, "['containers']"),
        ("$.spec.containers[?@.name = 'x']", 26, "write =="),
        ("$.spec.containers[?@.name =~ 'x']", 26, "match(@.name"),
        ("$.spec.containers[?name == 'x']", 19, "write @.name"),
        ("$.spec.containers[?@.a and @.b]", 23, "&& and ||"),
        ("$.spec.containers[?starts(@.a)]", 19, "no function 'starts'"),
        ("$.spec.containers[?in(@.a, @.b)]", 19, "no function 'in'"),
        ("$.a[?length(@)]", 5, "compare it"),
        ("$.a[?length(@..b) > 1]", 5, "value(…)"),
        ("$.a[?match(@.b, 'a(')]", 17, "not a valid regular expression"),
        ("$.a[", 3, "never closed"),
        ("$.a['b", 4, "never closed"),
        ("$.a]", 3, "closes nothing"),
        ("$.a ", 3, "space"),
        ("$x", 1, "dot is missing"),
        ("$.a b", 4, "['my key']"),
        ("$.a[?@.b in [1]]", 9, "there is no 'in'"),
        ("$.a[?@.b\n c == 1]", 10, "missing before 'c'"),
        ("$.a[?@. b == 1]", 7, "a space isn't allowed after ."),
        ("$[- 1]", 3, "a space isn't allowed after -"),
        ("$[01]", 2, "no leading zeros"),
        ("$[?@.a == 9007199254740992]", 10, "at most 9007199254740991"),
        ("$...a", 3, "one dot too many"),
        ("$[?match(@.a, 'a\\.b')]", 16, "written twice"),
        ("$['\\\"']", 3, "needs no backslash"),
        ("$['\t']", 3, "are written"),
        ("$['\\uD800']", 2, "four hexadecimal"),
        ("$[?match(@.a, 'x') == true]", 0, "leave out the comparison"),
        ("$[?count(1) > 1]", 3, "takes a path"),
        ("$[?length (@.a) > 1]", 3, "between length and ("),
    ];
    let mut wrong = Vec::new();
    for (text, offset, part) in cases {
        match Path::parse(text) {
            Err(error) if error.message.contains(part) && error.offset == offset => {}
            other => wrong.push(format!("{text}: {other:?}, not {offset}: {part}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_deepest_match_is_described() {
    let cases = [
        ("$.spec.containers[0].volumes", "$.spec.containers[0]", "it has no key 'volumes' (it has name, image, env)"),
        ("$.spec.containers[0].imge", "$.spec.containers[0]", "it has no key 'imge'; did you mean 'image'?"),
        ("$.spec.containers[0].name.x", "$.spec.containers[0].name", "it is a string, not an object"),
        ("$.spec.containers[5].name", "$.spec.containers", "the list has 2 elements"),
        ("$.spec.containers.name", "$.spec.containers", "it is a list, not an object; [0] or [*] selects its elements"),
        ("$.spec.containers[?@.name == 'y'].env", "$.spec.containers", "no element satisfies the filter"),
        ("$.spec.containers[0].env[0]", "$.spec.containers[0].env", "the list is empty"),
        ("$..nothing.here", "$", "there is no key 'nothing' anywhere in it"),
        (
            "$.spec.containers[*].ports[0]",
            "$.spec.containers[*]",
            "none of the 2 matches goes further; of the first, it has no key 'ports' (it has name, image, env)",
        ),
    ];
    for (text, prefix, why) in cases {
        assert_eq!(path(text).deepest_match(&pod(), &Pointer::root()), (prefix.to_owned(), why.to_owned()), "{text}");
    }
}

#[test]
fn expensive_paths_are_refused() {
    let wide = Value::from(vec![1; 200]);
    let many = json!({"a": wide, "b": wide, "c": wide});
    let bomb = path("$..[?count($..[?count($..*) > 0]) > 0]");
    assert_eq!(bomb.select_bounded(&many, &Pointer::root(), 1_000_000), Err(TooMuchWork));
}

#[test]
fn deep_texts_are_refused() {
    assert!(Path::parse(&format!("$[?{}@.a{}]", "(".repeat(40), ")".repeat(40))).is_err());
    assert!(Path::parse(&format!("$[?{}@.a{}]", "(".repeat(30), ")".repeat(30))).is_ok());
    assert!(Path::parse(&format!("${}", ".a".repeat(3000))).is_err());
}

#[test]
fn searches_of_deep_documents_are_bounded() {
    let mut deep = json!(1);
    for _ in 0..2000 {
        deep = Value::Array(vec![deep]);
    }
    assert_eq!(path("$..[?@..[?$..x]]").select_bounded(&deep, &Pointer::root(), 1_000_000), Err(TooMuchWork));
}

#[test]
fn the_worst_text_is_parsed_in_reasonable_time() {
    let call = format!("{}@.x{}", "length(".repeat(4), ")".repeat(4));
    let text = format!("$[?{}]", vec![call; 100].join(" && "));
    assert!(text.len() < 4096 && Path::parse(&text).is_err());
    let nested = "$[?count(@[?count(@[?count(@[?count(@.x)]) ]) ]) ]";
    assert!(Path::parse(nested).is_err());
}

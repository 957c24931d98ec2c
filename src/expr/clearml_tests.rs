#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

fn run(template: Value) -> Value {
    let task = json!({
        "id": "t1",
        "name": " Train\nBIG ",
        "project": "p1",
        "tags": ["a", "b", 3, true],
        "nested": [["x"]],
        "none": null,
        "gpus": 2,
        "done": false,
        "ratio": 0.5,
        "evil": "${CLEARML_TASK.id} ${CLEARML_QUEUE_NAME}",
        "empty": "",
        "no": [],
        "hyperparams": {"properties": {"user-key": {"value": "v"}}, "Args": {"lr": {"value": "0.1"}}},
    });
    let providers = json!({"ad-role": "researcher"});
    let config = json!({"nfs": {"server": {"ip": "10.0.0.5"}}});
    let user = json!({"name": "Zoë"});
    let scope = Scope {
        task: &task,
        queue_id: "q1",
        queue_name: "train large",
        worker_id: "",
        project_name: None,
        providers: &providers,
        config: &config,
        user_vaults: None,
        user: Some(&user),
    };
    let tokens = tokens(&template);
    let mut editor = Editor::new(template);
    resolve(&mut editor, &tokens, &scope).unwrap();
    editor.root().clone()
}

#[test]
fn each_form_works_as_documented() {
    for (text, wanted) in [
        // names
        ("${CLEARML_QUEUE_ID}", "q1"),
        ("${CLEARML_QUEUE_NAME}", "train large"),
        ("${CLEARML_PROJECT_ID}", "p1"),
        ("${CLEARML_PROJECT_NAME}", "unknown"),
        ("${CLEARML_PROJECT_NAME:mine}", "mine"),
        ("-e id=${CLEARML_TASK.id}-${CLEARML_TASK.gpus};", "-e id=t1-2;"),
        ("${CLEARML_TASK.done}", "false"),
        ("${CLEARML_TASK.ratio}", "0.5"),
        ("${CLEARML_TASK.tags}", "a,b,3,true"),
        ("${CLEARML_TASK.no}", ""),
        ("${CLEARML_TASK.empty}", ""),
        ("${CLEARML_TASK.hyperparams.Args.lr.value}", "0.1"),
        ("${CLEARML_TASK.hyperparams.properties.user-key.value:d}", "v"),
        ("${CLEARML_PROVIDERS_INFO.ad-role}", "researcher"),
        ("${CLEARML_CONFIG.nfs.server.ip}", "10.0.0.5"),
        ("${CLEARML_USER.name|lower}", "zoë"),
        // defaults
        ("${CLEARML_WORKER_ID:none}", "none"),
        ("${CLEARML_TASK.hyperparams.properties.other.value:default_value}", "default_value"),
        ("${CLEARML_TASK.id.deeper:d}", "d"),
        ("${CLEARML_TASK.none:d}", "d"),
        ("${CLEARML_TASK.nested:d}", "d"),
        ("${CLEARML_TASK.hyperparams:d}", "d"),
        ("${CLEARML_USER_VAULTS.a:a b/c:d}", "a b/c:d"),
        ("${CLEARML_TASK:whole}", "whole"),
        // filters
        ("${CLEARML_TASK.name}", " TrainBIG "),
        ("${CLEARML_TASK.name|raw}", " Train\nBIG "),
        ("${CLEARML_TASK.name|strip}", "TrainBIG"),
        ("${CLEARML_TASK.name|strip|lower}", "trainbig"),
        ("${CLEARML_TASK.name|strip|capitalize}", "Trainbig"),
        ("${CLEARML_TASK.name|raw|strip|lower}", "train\nbig"),
        ("${CLEARML_TASK.missing:DEF|lower}", "def"),
        ("${CLEARML_QUEUE_NAME|shout|capitalize}", "Train large"),
        // inserted texts are data
        ("${CLEARML_TASK.evil}", "${CLEARML_TASK.id} ${CLEARML_QUEUE_NAME}"),
    ] {
        assert_eq!(run(json!(text)), json!(wanted), "{text}");
    }
}

#[test]
fn unknown_strings_are_kept() {
    for text in [
        "${CLEARML_WORKER_ID}",
        "${CLEARML_WORKER_ID:}",
        "${CLEARML_NOTHING}",
        "${CLEARML_NOTHING:default}",
        "${CLEARML_TASK}",
        "${CLEARML_TASK.missing}",
        "${CLEARML_TASK.hyperparams}",
        "${CLEARML_TASK.none|lower}",
        "${CLEARML_QUEUE_NAME.x}",
        "${CLEARML_QUEUE_NAME:-shell}",
        "${CLEARML_WORKER_ID:=shell}",
        "${CLEARML_}",
        "${CLEARML_QUEUE_NAME",
        "$CLEARML_QUEUE_NAME",
        "$${CLEARML_QUEUE_NAME}",
        "$(CLEARML_QUEUE_NAME)",
        "${clearml_QUEUE_NAME}",
        "${QUEUE_NAME}",
        "${HOME}",
        "${CLEARML_TASK.x:${HOME}}",
        "$",
        "",
    ] {
        assert_eq!(run(json!(text)), json!(text), "{text}");
    }
    assert_eq!(run(json!("$$$${CLEARML_QUEUE_ID} $$${CLEARML_QUEUE_ID}")), json!("$$$${CLEARML_QUEUE_ID} $$q1"));
    assert_eq!(run(json!("é${CLEARML_QUEUE_ID}é${CLEARML_A}")), json!("éq1é${CLEARML_A}"));
}

#[test]
fn strings_are_found_everywhere_and_keys_are_kept() {
    let template = json!({"${CLEARML_QUEUE_ID}": [{"a": "${CLEARML_QUEUE_ID}"}, 1, null, "x"]});
    assert_eq!(tokens(&template).len(), 1);
    assert_eq!(run(template), json!({"${CLEARML_QUEUE_ID}": [{"a": "q1"}, 1, null, "x"]}));
}

#[test]
fn only_the_requested_tokens_are_replaced() {
    let nothing = json!({});
    let task = json!({"id": "t1"});
    let scope = Scope {
        task: &task,
        queue_id: "q1",
        queue_name: "q",
        worker_id: "w",
        project_name: None,
        providers: &nothing,
        config: &nothing,
        user_vaults: None,
        user: None,
    };
    let mut editor = Editor::new(json!(["${CLEARML_QUEUE_ID} ${CLEARML_TASK.id}", "${CLEARML_QUEUE_ID}"]));
    let asked = BTreeSet::from(["${CLEARML_TASK.id}".to_owned()]);
    resolve(&mut editor, &asked, &scope).unwrap();
    assert_eq!(editor.root(), &json!(["${CLEARML_QUEUE_ID} t1", "${CLEARML_QUEUE_ID}"]));
    assert_eq!(editor.log().len(), 1, "a string without a token must not be recorded as a change");

    let large = json!({"id": "x".repeat(1 << 20)});
    let scope = Scope { task: &large, ..scope };
    let mut editor = Editor::new(json!(vec!["${CLEARML_TASK.id}"; 9]));
    let error = resolve(&mut editor, &asked, &scope).unwrap_err();
    assert_eq!(error.code, Code::LimitExceeded);
    assert!(editor.log().is_empty());
}

//! Texts from tasks and queues are data: in the Pod, in explanations, in diagnostics, and on the terminal.

use super::harness::{Folder, HEAD};
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::source::yaml;
use serde_json::{Value, json};

const TEXTS: &[&str] = &[
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "${task.id} $${x} ${CLEARML_TASK.id}",
    "a\nspec:\n  hostNetwork: true\n",
    "a: b # c",
    "- x\n- y",
    "'\"`\\",
    "{a: [b]}",
    "*a &b !c |\n>",
    "yes",
    "010",
    "~",
    "",
    " lead and trail ",
    "\t tab",
    "\r\n",
    "---\napiVersion: v1\nkind: Secret\n...\n",
    "\u{2028}\u{85}\u{feff}\u{202e}",
    "::error file=a::b",
    "$(rm -rf /); `id`",
    "%0A::set-output name=x::y",
    "\0",
];

fn read_yaml(text: &str) -> Vec<Value> {
    let mut sources = Sources::new();
    let file = sources.add("out.yaml", text);
    let mut found = Diagnostics::new();
    let read = yaml::read(&sources, file, &mut found).iter().map(podrules::source::Node::to_value).collect();
    assert!(!found.has_errors(), "{text}: {found:?}");
    read
}

#[test]
fn texts_of_a_task_are_not_interpreted() {
    for text in TEXTS {
        let folder = Folder::new();
        folder.write("task.json", json!({"id": "abc", "name": text, "parent": text}).to_string());
        let rules = "rules:\n- name: r\n  do:\n  - set: {path: $.metadata.annotations.x, value: '${task.name}'}\n  \
            - setEnv: {vars: {A: 'pre ${task.name}'}}\n  - script: 'log(task.name); set_env(\"B\", task.name);'\n";
        folder.write("rules.yaml", format!("{HEAD}{rules}"));
        let ended = folder.render();
        assert!(ended.code == Some(0), "{text:?}: {}", ended.stderr);
        let documents = read_yaml(&ended.stdout);
        assert_eq!(documents.len(), 1, "{text:?}: {}", ended.stdout);
        assert_eq!(documents[0]["metadata"]["annotations"]["x"], *text);
        assert!(
            documents[0]["spec"]["containers"][0]["env"][1]["value"]
                .as_str()
                .or(documents[0]["spec"]["containers"][0]["env"][0]["value"].as_str())
                .is_some()
        );
        assert_eq!(documents[0]["spec"].get("hostNetwork"), None);
        let as_json: Value = serde_json::from_str(&folder.run(&["render", ".", "-o", "json"]).stdout).unwrap();
        assert_eq!(as_json, documents[0]);
        for shown in [folder.run(&["explain", "."]), folder.run(&["render", ".", "-o", "diff"]), ended] {
            let all = shown.stdout + shown.stderr.as_str();
            assert!(!all.contains(['\u{1b}', '\u{7}', '\0']), "{text:?}: {all}");
        }
    }
}

#[test]
fn quoted_texts_in_diagnostics_are_escaped() {
    for text in TEXTS {
        let folder = Folder::new();
        folder.write("task.json", json!({"id": "abc", "name": text}).to_string());
        folder.write("rules.yaml", format!("{HEAD}rules:\n- name: r\n  do:\n  - script: 'fail(task.name)'\n"));
        let ended = folder.render();
        assert_eq!(ended.code, Some(1), "{text:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains(['\u{1b}', '\u{7}', '\0', '\r', '\u{202e}']), "{text:?}: {}", ended.stderr);
        let queue = if text.contains('\0') { "a" } else { text };
        let ended = folder.run(&["render", ".", &format!("-q={queue}")]);
        assert!(matches!(ended.code, Some(1 | 2)), "{text:?}: {ended:?}");
        assert!(!ended.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}: {}", ended.stderr);
        // A workflow command is one line, and its text can't start another.
        folder.write(
            "rules.yaml",
            json!({"apiVersion": "podrules.io/v1", "kind": "Rules", "rules": [], *text: 1}).to_string(),
        );
        let ended = folder.run(&["validate", "-o", "github", "rules.yaml"]);
        assert!(
            ended.stdout.lines().all(|line| line.starts_with("::error file=rules.yaml")),
            "{text:?}: {}",
            ended.stdout
        );
    }
}

#[test]
fn names_of_queues_are_data() {
    for name in ["a b", "$(id)", "a;b", "a'b\"c", "{{ .Values }}", "a: b", "*", "../../x", "ä\u{1b}[0m", "-q"] {
        let folder = Folder::new();
        folder.write("values.yaml", json!({"agentk8sglue": {"queues": {name: {}}}}).to_string());
        folder.write(
            "rules.yaml",
            format!("{HEAD}rules:\n- name: r\n  do:\n  - setEnv: {{vars: {{Q: '${{queue.name}}'}}}}\n"),
        );
        let ended = folder.run(&["render", ".", &format!("--queue={name}")]);
        // A name that Kubernetes refuses is reported; any other is used unchanged.
        match ended.code {
            Some(0) => {
                let pod = &read_yaml(&ended.stdout)[0];
                let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
                assert!(env.iter().any(|e| e["name"] == "Q" && e["value"] == name), "{name}: {pod}");
            }
            code => assert!(code == Some(1) && ended.stderr.contains("error["), "{name}: {ended:?}"),
        }
    }
}

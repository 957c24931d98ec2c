#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::diagnostic::Diagnostics;
use serde_json::json;
use std::path::PathBuf;

const VALUES: &str = "
agentk8sglue:
  queues:
    train: {templateOverrides: {nodeSelector: {gpu: a100}}}
    test: {}
  extraEnvs: [{name: TEAM, value: vision}]
";
const RULES: &str = "
apiVersion: podrules.io/v1
kind: Rules
env: [TEAM, HOME, NONE]
rules:
  - name: label
    description: who and where
    do:
      - addLabels: {labels: {team: \"${env.TEAM}\", home: \"${env.HOME}\", nfs: \"${config.nfs}\"}}
  - name: audited
    mode: audit
    queues: [train]
    companions:
      - {lifetime: task, manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: \"${pod_name}\"}}}
";

struct Read(Texts);

impl Reader for Read {
    fn read(
        &mut self,
        sources: &mut crate::diagnostic::Sources,
        path: &std::path::Path,
        most: usize,
    ) -> Result<crate::diagnostic::FileId, crate::diagnostic::Diagnostic> {
        self.0.read(sources, path, most)
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        (name != "NONE").then(|| format!("own-{name}"))
    }
}

fn texts() -> Texts {
    Texts::from([
        ("values.yaml", VALUES),
        ("rules.yaml", RULES),
        ("here/context.yaml", "queue: {id: q1, name: train}\nworker: {id: w}\nconfig: clearml.conf"),
        ("here/clearml.conf", "nfs: server"),
    ])
}

fn inputs() -> Inputs {
    Inputs {
        values: Some(vec!["values.yaml".into()]),
        rules: vec!["rules.yaml".into()],
        context: Some("here/context.yaml".into()),
        ..Inputs::default()
    }
}

fn load() -> Installation {
    Installation::load(&inputs(), &mut Read(texts())).unwrap_or_else(|mistakes| panic!("{:?}", mistakes.found))
}

#[test]
fn an_installation_is_loaded_once_and_used_by_many_threads() {
    fn shared<T: Send + Sync + 'static>(installation: T) -> T {
        installation
    }
    let installation = shared(load());
    let names = |number: usize| {
        let task = json!({"id": format!("task-{number}")});
        let rendered = installation.render(installation.prepare(task, "train", "default"), None);
        assert!(rendered.findings.is_empty(), "{:?}", rendered.findings);
        rendered.outcome.pod["metadata"]["name"].as_str().unwrap().to_owned()
    };
    let made: Vec<String> = std::thread::scope(|scope| {
        let names = &names;
        let threads: Vec<_> = (0..4).map(|number| scope.spawn(move || names(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made, ["clearml-id-task-0", "clearml-id-task-1", "clearml-id-task-2", "clearml-id-task-3"]);
}

#[test]
fn all_inputs_reach_the_rules() {
    let installation = load();
    assert_eq!(installation.queue(None).unwrap(), Queue { name: "train".into(), warning: None });
    assert_eq!(installation.worker(), "w");
    assert_eq!(installation.namespace("default"), "default");
    let prepared = installation.prepare(json!({"id": "a"}), "train", "ml");
    assert_eq!((prepared.context.queue_id(), prepared.context.namespace.as_str()), ("q1", "ml"));
    let rendered = installation.render(prepared, None);
    let labels = &rendered.outcome.pod["metadata"]["labels"];
    // A variable in the values takes precedence over the process's, which is used for unset ones.
    assert_eq!((&labels["team"], &labels["home"]), (&json!("vision"), &json!("own-HOME")));
    // The configuration is in the folder of the context file that names it.
    assert_eq!(labels["nfs"], "server");
    assert!(installation.difference(&rendered, false, false).contains("+    team: vision"));
    assert_eq!(installation.explain(&rendered).data(&[])["rules"][0]["status"], "applied");
    let read: Vec<PathBuf> = installation.files().to_vec();
    assert_eq!(read, ["values.yaml", "rules.yaml", "here/context.yaml", "here/clearml.conf"].map(PathBuf::from));
}

#[test]
fn it_lists_its_rules_and_queues() {
    let installation = load();
    assert_eq!(installation.queues(), ["train", "test"]);
    let rules: Vec<RuleSummary<'_>> = installation.rules().collect();
    assert_eq!((rules[0].name, rules[0].place.as_str()), ("label", "rules.yaml:6"));
    assert_eq!((rules[0].description, &rules[0].queues), (Some("who and where"), &None));
    assert_eq!((rules[1].audit, rules[1].companions, rules[1].queues.as_deref()), (true, 1, Some("train")));
    let companions: Vec<CompanionSummary> = installation.companions().collect();
    assert_eq!(companions[0].kind, Some(("v1".into(), "ConfigMap".into())));
    assert!(!installation.has_hooks() && !installation.task_as_job());
}

#[test]
fn mistakes_in_all_texts_are_collected() {
    let texts = Texts::from([
        ("values.yaml", "agentk8sglue: {queue: train, rules: [{nam: a}]}"),
        ("rules.yaml", "apiVersion: podrules.io/v1\nkind: Rules\nrules: [{nam: a}]"),
        ("context.yaml", "queu: {}\nconfig: gone.conf"),
        ("task.json", "{"),
    ]);
    let inputs = Inputs { context: Some("context.yaml".into()), ..inputs() };
    let mut reader = Read(texts);
    let mut draft = Draft::read(&inputs, &mut reader, Diagnostics::new());
    assert!(draft.read_task("task.json".as_ref(), &mut reader).is_none());
    let mistakes = draft.finish().unwrap_err();
    assert!(mistakes.unread);
    let codes: Vec<&str> = mistakes.found.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["unknown-key", "missing-key", "unknown-key", "missing-key", "unknown-key", "input", "json"]);
}

#[test]
fn values_that_cant_be_read_completely_are_not_used() {
    let values = Some(vec!["values.yaml".into(), "gone.yaml".into()]);
    let draft = Draft::read(&Inputs { values, ..inputs() }, &mut Read(texts()), Diagnostics::new());
    assert!(draft.unread && draft.values.is_none());
    assert_eq!(draft.found.iter().filter(|found| found.is_error()).count(), 1);
}

#[test]
fn a_queue_that_isnt_in_the_values_is_a_warning() {
    let installation = load();
    let queue = installation.queue(Some("trian")).unwrap();
    assert_eq!(
        (queue.name.as_str(), queue.warning.unwrap().help.unwrap().as_str()),
        ("trian", "did you mean `train`?")
    );
    let without = Installation::load(&Inputs { context: None, ..inputs() }, &mut Read(texts())).unwrap();
    assert_eq!(without.queue(None).unwrap_err().message, "which queue? the values have train, test");
}

#[test]
fn rules_need_no_values() {
    let inputs = Inputs { values: None, context: None, ..inputs() };
    let installation = Installation::load(&inputs, &mut Read(texts())).unwrap();
    assert!(installation.template("train").is_none() && installation.queues().is_empty());
    assert_eq!(installation.queue(None).unwrap().name, "");
    assert_eq!(installation.queue(Some("any")).unwrap(), Queue { name: "any".into(), warning: None });
}

#[test]
fn the_contents_determine_the_kind_of_a_file() {
    let either = vec!["rules.yaml".into(), "values.yaml".into()];
    let draft = Draft::read(&Inputs { either, ..Inputs::default() }, &mut Read(texts()), Diagnostics::new());
    assert!(draft.values.is_some() && draft.plan.rules.len() == 2);
}

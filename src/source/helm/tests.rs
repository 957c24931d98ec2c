//! Values files and the templates they produce.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use serde_json::{Value, json};

/// Reads values files, which must have no findings.
fn read(texts: &[&str]) -> (Sources, Values) {
    let (sources, installation, found) = try_read(texts);
    assert!(found.is_empty(), "{found:#?}");
    (sources, installation.unwrap())
}

fn try_read(texts: &[&str]) -> (Sources, Option<Values>, Diagnostics) {
    let mut sources = Sources::new();
    let files: Vec<FileId> =
        texts.iter().enumerate().map(|(i, text)| sources.add(format!("values-{i}.yaml"), *text)).collect();
    let mut found = Diagnostics::new();
    let installation = Values::read(&mut sources, &files, &mut found);
    (sources, installation, found)
}

fn template(texts: &[&str], queue: &str) -> Value {
    read(texts).1.template(queue).to_value()
}

fn messages(texts: &[&str]) -> Vec<String> {
    let (sources, _, found) = try_read(texts);
    let line = |d: &Diagnostic| {
        let at = d.primary.as_ref().map_or(String::new(), |l| sources.file_line_column(l.span));
        let help = d.help.as_ref().map_or(String::new(), |h| format!(" ({h})"));
        format!("{at}: {} {}: {}{help}", d.severity.word(), d.code.as_str(), d.message)
    };
    found.iter().map(line).collect()
}

#[test]
fn empty_values_give_the_template_of_the_chart() {
    let secret = |key: &str| json!({"secretKeyRef": {"name": "clearml-agent-ac", "key": key}});
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {},
        "spec": {
            "serviceAccountName": "clearml-agent-sa",
            "containers": [{
                "ports": [{"containerPort": 10022}],
                "env": [
                    {"name": "CLEARML_API_HOST", "value": "https://api.clear.ml"},
                    {"name": "CLEARML_WEB_HOST", "value": "https://app.clear.ml"},
                    {"name": "CLEARML_FILES_HOST", "value": "https://files.clear.ml"},
                    {"name": "CLEARML_API_ACCESS_KEY", "valueFrom": secret("agentk8sglue_key")},
                    {"name": "CLEARML_API_SECRET_KEY", "valueFrom": secret("agentk8sglue_secret")},
                ],
            }],
        },
    });
    for silent in [&[][..], &[""], &["# nothing\n"], &["{}"], &["agentk8sglue:"]] {
        assert_eq!(template(silent, "default"), wanted, "{silent:?}");
    }
    let (sources, installation) = read(&[""]);
    assert_eq!(installation.queues()[0].name, "default");
    assert_eq!(sources.slice(installation.queues()[0].span), "default");
    assert_eq!(installation.default_image().unwrap().value, "ubuntu:18.04");
}

#[test]
fn every_key_of_the_chart_goes_to_its_place() {
    let values = r#"
imageCredentials: {enabled: true}
agentk8sglue:
  apiServerUrlReference: https://api.local
  basePodTemplate:
    labels: {team: vision}
    annotations: {note: hello}
    volumes: [{name: data, emptyDir: {}}]
    initContainers: [{name: init, image: busybox}]
    nodeSelector: {disk: fast}
    tolerations: [{operator: Exists}]
    affinity: {nodeAffinity: {}}
    priorityClassName: high
    podSecurityContext: {fsGroup: 1001}
    env: [{name: A, value: ""}]
    volumeMounts: [{name: data, mountPath: /data}]
    resources: {limits: {nvidia.com/gpu: 1}}
    containerSecurityContext: {runAsUser: 1001}
    schedulerName: kai
    hostAliases: [{ip: 10.0.0.1, hostnames: [files.local]}]
"#;
    let (_, installation) = read(&[values]);
    let pod = installation.with_release(Some("gpu"), Some("ml")).template("default").to_value();
    assert_eq!(
        pod["metadata"],
        json!({"namespace": "ml", "labels": {"team": "vision"}, "annotations": {"note": "hello"}})
    );
    let spec = &pod["spec"];
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "gpu-clearml-agent-ark"}]));
    assert_eq!(spec["serviceAccountName"], "gpu-clearml-agent-sa");
    assert_eq!(spec["volumes"], json!([{"name": "data", "emptyDir": {}}]));
    assert_eq!(spec["initContainers"][0]["name"], "init");
    assert_eq!(spec["nodeSelector"], json!({"disk": "fast"}));
    assert_eq!(spec["tolerations"], json!([{"operator": "Exists"}]));
    assert_eq!(spec["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(spec["priorityClassName"], "high");
    assert_eq!(spec["securityContext"], json!({"fsGroup": 1001}));
    assert_eq!(spec["schedulerName"], "kai");
    assert_eq!(spec["hostAliases"][0]["ip"], "10.0.0.1");
    let container = &spec["containers"][0];
    assert_eq!(container["env"][0]["value"], "https://api.local");
    assert_eq!(container["env"][5], json!({"name": "A", "value": ""}));
    assert_eq!(container["env"].as_array().unwrap().len(), 6);
    assert_eq!(container["volumeMounts"], json!([{"name": "data", "mountPath": "/data"}]));
    assert_eq!(container["resources"], json!({"limits": {"nvidia.com/gpu": 1}}));
    assert_eq!(container["securityContext"], json!({"runAsUser": 1001}));
    let order: Vec<&str> = spec.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(order[..4], ["imagePullSecrets", "volumes", "serviceAccountName", "securityContext"]);
}

#[test]
fn fields_that_the_chart_drops_are_kept() {
    let values = r#"
imageCredentials: {enabled: true, existingSecret: registry}
clearml: {existingAgentk8sglueSecret: keys}
agentk8sglue:
  serviceExistingAccountName: trainer
  basePodTemplate:
    runtimeClassName: nvidia
    hostNetwork: false
    terminationGracePeriodSeconds: 0
    restartPolicy: OnFailure
    securityContext: {runAsNonRoot: true}
    podSecurityContext: {fsGroup: 1}
    imagePullSecrets: [{name: mine}]
    imagePullPolicy: Always
    envFrom: [{secretRef: {name: tokens}}]
    ports: [{containerPort: 80}]
    workingDir: ""
    env: [{name: A, value: "1"}]
    containers:
    - name: main
      env: [{name: B, value: "2"}]
      resources: {limits: {cpu: 1}}
    - {name: sidecar, image: proxy}
"#;
    let spec = template(&[values], "default")["spec"].clone();
    assert_eq!(spec["runtimeClassName"], "nvidia");
    assert_eq!(spec["hostNetwork"], false);
    assert_eq!(spec["terminationGracePeriodSeconds"], 0);
    assert_eq!(spec["restartPolicy"], "OnFailure");
    assert_eq!(spec["securityContext"], json!({"fsGroup": 1, "runAsNonRoot": true}));
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}, {"name": "mine"}]));
    assert_eq!(spec["serviceAccountName"], "trainer");
    let container = &spec["containers"][0];
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "tokens"}}]));
    assert_eq!(container["ports"], json!([{"containerPort": 10022}, {"containerPort": 80}]));
    assert_eq!(container.get("workingDir"), None);
    assert_eq!(container["name"], "main");
    assert_eq!(container["resources"], json!({"limits": {"cpu": 1}}));
    assert_eq!(container["env"][3]["valueFrom"]["secretKeyRef"]["name"], "keys");
    assert_eq!(container["env"][5]["name"], "A");
    assert_eq!(container["env"][6]["name"], "B");
    assert_eq!(spec["containers"][1], json!({"name": "sidecar", "image": "proxy"}));
}

#[test]
fn a_queue_gets_its_overrides() {
    let values = r#"
agentk8sglue:
  basePodTemplate:
    nodeSelector: {disk: fast, zone: a}
    tolerations: [{key: a}]
    priorityClassName: high
  queues:
    Big:
      templateOverrides:
        nodeSelector: {zone: b, disk: null}
        tolerations: [{key: b}]
        priorityClassName: null
        runtimeClassName: nvidia
    plain:
"#;
    let (_, installation) = read(&[values]);
    let names: Vec<&str> = installation.queues().iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["Big", "plain"]);
    for name in ["Big", "big"] {
        let spec = installation.template(name).to_value()["spec"].clone();
        assert_eq!(spec["nodeSelector"], json!({"zone": "b"}));
        assert_eq!(spec["tolerations"], json!([{"key": "b"}]));
        assert_eq!(spec.get("priorityClassName"), None);
        assert_eq!(spec["runtimeClassName"], "nvidia");
    }
    for name in ["plain", "elsewhere"] {
        assert_eq!(installation.template(name).to_value()["spec"]["priorityClassName"], "high");
    }
}

#[test]
fn files_are_merged_as_helm_does() {
    let first = "agentk8sglue:\n  queue: a\n  basePodTemplate:\n    labels: {a: '1', b: '2'}\n    env: [{name: A}]\n";
    let second = "agentk8sglue:\n  webServerUrlReference: null\n  basePodTemplate:\n    labels: {b: '3'}\n    env: [{name: B}]\n";
    let (sources, installation) = read(&[first, second]);
    let node = installation.template("a");
    let pod = node.to_value();
    assert_eq!(pod["metadata"]["labels"], json!({"a": "1", "b": "3"}));
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(env.len(), 6);
    assert_eq!(env[1], json!({"name": "CLEARML_WEB_HOST"}), "null removes the default");
    assert_eq!(env[5], json!({"name": "B"}));

    let line = |path: &str| {
        let steps: Vec<crate::edit::Step> =
            path.split('.').map(|s| s.parse::<usize>().map_or_else(|_| s.into(), Into::into)).collect();
        sources.file_line(node.span_at(&steps).unwrap())
    };
    assert_eq!(line("metadata.labels.a"), "values-0.yaml:4");
    assert_eq!(line("metadata.labels.b"), "values-1.yaml:4");
    assert_eq!(line("spec.containers.0.env.5"), "values-1.yaml:5");
    assert_eq!(line("spec.containers.0.env.0.value"), "<chart defaults>:3");
    assert_eq!(line("spec.serviceAccountName"), "<chart defaults>:19");
}

#[test]
fn a_null_holds_until_a_later_file_sets_the_key() {
    let node = |text: &str| {
        let mut sources = Sources::new();
        let file = sources.add("v", text);
        yaml::read(&sources, file, &mut Diagnostics::new()).remove(0)
    };
    let merged = merge(vec![node("a: {x: 1}"), node("a: null"), node("a: {z: 2}\nb: [1]"), node("b: []")]);
    assert_eq!(merged.to_value(), json!({"a": {"z": 2}, "b": []}));
    let over = overlay(node("a: {x: 1, z: 3}\nc: 1"), node("a: {x: null}\nc: {d: 1}"));
    assert_eq!(over.to_value(), json!({"a": {"z": 3}, "c": {"d": 1}}));
    assert_eq!(merge(Vec::new()).to_value(), json!({}));
}

#[test]
fn queues_from_both_places_are_listed_once() {
    let (sources, installation) =
        read(&["agentk8sglue:\n  queue: 'one, two,,one'\n  queues: {two: {}, three: null}\n"]);
    let places: Vec<(&str, &str)> =
        installation.queues().iter().map(|q| (q.name.as_str(), sources.slice(q.span))).collect();
    assert_eq!(places, [("one", "one"), ("two", "two"), ("three", "three")]);
}

#[test]
fn names_follow_the_release() {
    for (values, release, wanted) in [
        ("", None, "clearml-agent"),
        ("", Some("my-clearml-agent-1"), "my-clearml-agent-1"),
        ("", Some("gpu"), "gpu-clearml-agent"),
        ("nameOverride: glue", Some("gpu"), "gpu-glue"),
        ("nameOverride: glue", Some("the-glue"), "the-glue"),
        ("fullnameOverride: full-", Some("gpu"), "full"),
        ("", Some(&*"x".repeat(70)), &*"x".repeat(63)),
    ] {
        assert_eq!(read(&[values]).1.with_release(release, None).fullname(), wanted);
    }
}

#[test]
fn the_agent_has_environment_files_rules_and_a_hook() {
    let values = r#"
agentk8sglue:
  extraEnvs:
  - {name: CLEARML_K8S_GLUE_TEMPLATE_MODULE, value: "code:change"}
  - {name: PORT, value: 80}
  - {name: TOKEN, valueFrom: {secretKeyRef: {name: a, key: b}}}
  fileMounts: [{name: code.py, folderPath: /root, fileContent: "x = 1"}]
  rules: [{name: one, flag: yes}]
  queues: {a: {rules: [{name: two}]}, b: {}}
  createQueueIfNotExists: yes
"#;
    let (_, installation, found) = try_read(&[values]);
    let installation = installation.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found.iter().next().unwrap().code, Code::AmbiguousScalar);
    assert_eq!(installation.hook().unwrap().value, "code:change");
    let environment: Vec<(String, String)> =
        installation.environment().into_iter().map(|(name, value)| (name.value, value.value)).collect();
    assert_eq!(environment[1], ("PORT".to_owned(), "80".to_owned()));
    assert_eq!(environment.len(), 2);
    assert_eq!(installation.file_mounts()[0].folder_path.value, "/root");
    assert_eq!(installation.rules().unwrap().items().len(), 1);
    let of_queues = installation.queue_rules();
    assert_eq!((of_queues.len(), of_queues[0].0.name.as_str()), (1, "a"));
}

#[test]
fn all_mistakes_are_reported_together() {
    let values = r#"
agentk8sglue:
  queue: [a, b]
  basePodTemplate:
    volumes: {name: a}
    env: text
    tolerations: [text]
    labels: []
    priorityClassName: 1000
    nodeSelecter: {a: b}
    metadata: {labels: {}}
    nonsense: 1
    fileMounts: [{name: a.txt, folderPath: /a, fileContent: a}]
  extraEnvs: [{value: a}]
  queues:
    a: 1
    b: {templateOverrides: [], rules: {}}
"#;
    let said = messages(&[values]);
    let wanted = [
        "values-0.yaml:14:15: error missing-key: `agentk8sglue.extraEnvs[0].name` is missing",
        "values-0.yaml:3:10: error wrong-type: `agentk8sglue.queue` must be one queue's name, or several",
        "values-0.yaml:5:14: error wrong-type: `agentk8sglue.basePodTemplate.volumes` must be a list, not an object (start",
        "values-0.yaml:6:10: error wrong-type: `agentk8sglue.basePodTemplate.env` must be a list, not a string",
        "values-0.yaml:7:19: error wrong-type: `agentk8sglue.basePodTemplate.tolerations[0]` must be a mapping",
        "values-0.yaml:8:13: error wrong-type: `agentk8sglue.basePodTemplate.labels` must be a mapping, not a list",
        "values-0.yaml:9:24: error wrong-type: `agentk8sglue.basePodTemplate.priorityClassName` must be a string",
        "values-0.yaml:10:5: warning unknown-key: `agentk8sglue.basePodTemplate.nodeSelecter` is neither a key",
        "values-0.yaml:11:5: warning unknown-key: ",
        "values-0.yaml:12:5: warning unknown-key: ",
        "values-0.yaml:13:5: warning values: `agentk8sglue.basePodTemplate.fileMounts` has no effect on Pods",
        "values-0.yaml:16:8: error wrong-type: `agentk8sglue.queues.a` must be a mapping, not a number",
        "values-0.yaml:17:28: error wrong-type: `agentk8sglue.queues.b.templateOverrides` must be a mapping",
        "values-0.yaml:17:39: error wrong-type: `agentk8sglue.queues.b.rules` must be a list of rules",
    ];
    for start in wanted {
        assert!(said.iter().any(|line| line.starts_with(start)), "{start}\nnot in {said:#?}");
    }
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("did you mean `nodeSelector`")));
}

#[test]
fn values_that_are_not_a_mapping_are_refused() {
    assert!(messages(&["- a"])[0].contains("Helm values must be a mapping, not a list"));
    assert!(messages(&["a: 1\n---\nb: 2\n"])[0].contains("more than one YAML document"));
    assert!(messages(&["a: [1"])[0].contains("error yaml"));
    assert!(messages(&["agentk8sglue: {basePodTemplate: 1, queues: 2}"]).len() == 2);
}

#[test]
fn large_values_take_no_more_than_linear_work() {
    let keys: String = (0..100_000).map(|n| format!("  key{n}: {{a: {n}}}\n")).collect();
    let unknown: String = (0..50_000).map(|n| format!("    stranger{n}: 1\n")).collect();
    let first = format!("agentk8sglue:\n{keys}");
    let second = format!("agentk8sglue:\n{keys}  basePodTemplate:\n{unknown}");
    let (_, installation, found) = try_read(&[&first, &second]);
    assert_eq!(installation.unwrap().template("default").to_value()["kind"], "Pod");
    assert_eq!(found.len(), 50);
}

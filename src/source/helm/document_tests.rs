//! Complete values files as admins write them: the examples, and ClearML's own document if it is available.

#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;
use std::path::{Path, PathBuf};

fn read(name: &str, text: &str) -> Values {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    let mut found = Diagnostics::new();
    let installation = Values::read(&mut sources, &[file], &mut found);
    assert!(found.is_empty(), "{name}: {found:#?}");
    installation.unwrap()
}

/// The values of an admin who follows ClearML's document: a hook, its module and a queue's overrides.
const WITH_HOOK: &str = r#"
agentk8sglue:
  additionalRoleBindings:
    - volumes-role
  extraEnvs:
   - name: CLEARML_K8S_GLUE_TEMPLATE_MODULE
     value: "edit_pod:change"
   - name: CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD
     value: "[[ {queue_name} == 'big' ]] && sed 's/\\$NAME/{pod_name}/g' /mnt/claim.yaml | kubectl apply -f -"
  fileMounts:
    - name: "claim.yaml"
      folderPath: "/mnt"
      fileContent: |
        kind: PersistentVolumeClaim
        metadata:
          name: $NAME
    - name: "edit_pod.py"
      folderPath: "/root"
      fileContent: |-
        def change(template, **kwargs):
          template["spec"]["hostname"] = "{}".format("x")

          return {"template": template}
  createQueues: true
  customBashScript: ""
  queues:
    # its own volume
    big:
      templateOverrides:
        volumes:
          - name: claim
            persistentVolumeClaim:
              claimName: NAME
        volumeMounts:
          - mountPath: "/tmp/claim/"
            name: claim
"#;

#[test]
fn values_with_a_hook_are_read() {
    let installation = read("values.yaml", WITH_HOOK);
    assert_eq!(installation.hook().unwrap().value, "edit_pod:change");
    let files = installation.file_mounts();
    assert_eq!(files[0].content.value, "kind: PersistentVolumeClaim\nmetadata:\n  name: $NAME\n");
    assert!(files[1].content.value.ends_with("\n\n  return {\"template\": template}"));
    assert!(installation.environment()[1].1.value.contains("sed 's/\\$NAME/"));
    let spec = installation.template("big").to_value()["spec"].clone();
    assert_eq!(spec["volumes"][0]["persistentVolumeClaim"]["claimName"], "NAME");
    assert_eq!(spec["containers"][0]["volumeMounts"], json!([{"mountPath": "/tmp/claim/", "name": "claim"}]));
}

#[test]
fn the_examples_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let values = entry.unwrap().path().join("values.yaml");
        if let Ok(text) = std::fs::read_to_string(&values) {
            read(&values.display().to_string(), &text);
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

/// The folder with ClearML's document, which is not part of this repository.
fn upstream() -> Option<PathBuf> {
    let given = std::env::var_os("PODRULES_UPSTREAM").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/upstream"));
    Some(folder.join("dynamically-edit-task-pod-template.md")).filter(|file| file.is_file())
}

#[test]
fn every_block_of_the_document_is_read_unedited() {
    let Some(document) = upstream() else { return };
    let text = std::fs::read_to_string(document).unwrap();
    let blocks: Vec<&str> = text
        .split("\n``` yaml\n")
        .skip(1)
        .map(|block| block.split("\n```").next().unwrap())
        .filter(|block| block.starts_with("agentk8sglue:"))
        .collect();
    assert_eq!(blocks.len(), 6);
    let read: Vec<Values> = blocks.iter().map(|block| read("block", block)).collect();
    let hooks: Vec<bool> = read.iter().map(|installation| installation.hook().is_some()).collect();
    assert_eq!(hooks, [true, false, false, true, true, true]);
    let by_variable = read[3].template("default").to_value();
    assert_eq!(by_variable["spec"]["initContainers"][0]["command"][2], "echo MY_VAR;\n");
    assert_eq!(by_variable["spec"]["volumes"], json!([{"name": "myTemplatedMount", "emptyDir": {}}]));
    assert_eq!(read[5].queues()[0].name, "pvc-test");
    let pvc = read[5].template("pvc-test").to_value();
    assert_eq!(pvc["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], "PVC_NAME");
    assert_eq!(read[5].file_mounts().len(), 2);
    assert_eq!(read[5].environment().len(), 4);
}

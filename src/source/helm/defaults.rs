//! The defaults of ClearML's chart, and the Pod template that it writes the values into.
//!
//! They are a text of their own in [`Sources`], so that a trace has a line to point to.

use crate::diagnostic::{Diagnostics, FileId, Sources, Span};
use crate::source::{Node, yaml};

/// The name of the text in messages.
pub const NAME: &str = "<chart defaults>";

/// The release name by default: the one in the chart's own documentation.
pub const RELEASE: &str = "clearml-agent";

/// The chart's name, which is part of the names of its objects.
pub const CHART: &str = "clearml-agent";

/// Three documents: the values, the Pod template of the chart's ConfigMap with the values that go into each place, and the
/// name of the default queue.
const TEXT: &str = "\
# What the clearml-agent chart takes where the values files say nothing.
agentk8sglue:
  apiServerUrlReference: https://api.clear.ml
  fileServerUrlReference: https://files.clear.ml
  webServerUrlReference: https://app.clear.ml
  defaultContainerImage: ubuntu:18.04
---
# The Pod template that the chart makes. <name> is that key of basePodTemplate.
apiVersion: v1
kind: Pod
metadata:
  namespace: <release namespace>
  labels: <labels>
  annotations: <annotations>
spec:
  imagePullSecrets:
  - name: <fullname>-ark
  volumes: <volumes>
  serviceAccountName: <fullname>-sa
  securityContext: <podSecurityContext>
  priorityClassName: <priorityClassName>
  initContainers: <initContainers>
  containers:
  - resources: <resources>
    securityContext: <containerSecurityContext>
    ports:
    - containerPort: 10022
    volumeMounts: <volumeMounts>
    env:
    - name: CLEARML_API_HOST
      value: <agentk8sglue.apiServerUrlReference>
    - name: CLEARML_WEB_HOST
      value: <agentk8sglue.webServerUrlReference>
    - name: CLEARML_FILES_HOST
      value: <agentk8sglue.fileServerUrlReference>
    - name: CLEARML_API_ACCESS_KEY
      valueFrom:
        secretKeyRef:
          name: <fullname>-ac
          key: agentk8sglue_key
    - name: CLEARML_API_SECRET_KEY
      valueFrom:
        secretKeyRef:
          name: <fullname>-ac
          key: agentk8sglue_secret
  nodeSelector: <nodeSelector>
  tolerations: <tolerations>
  affinity: <affinity>
# Where no values file names a queue.
---
default
";

/// The parsed defaults.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The chart's default values.
    pub values: Node,
    /// The chart's Pod template, with `<…>` where a value goes.
    pub template: Node,
    /// The place of the default queue's name.
    pub queue: Span,
}

impl Defaults {
    /// Adds the text of the defaults to the sources and reads it.
    pub fn read(sources: &mut Sources) -> Self {
        let file = sources.add(NAME, TEXT);
        Self::of(sources, file)
    }

    fn of(sources: &Sources, file: FileId) -> Self {
        let mut documents = yaml::read(sources, file, &mut Diagnostics::new()).into_iter();
        let mut next = || documents.next().unwrap_or_else(|| Node::empty_map(file));
        let (values, template, queue) = (next(), next(), next());
        Defaults { values, template, queue: queue.span }
    }
}

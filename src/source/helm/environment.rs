//! What the values say about the agent itself: its environment, its files, the hook and the default image.

use super::Values;
use crate::source::{Kind, Node, Style, Text};

/// A file that the chart puts into the agent's container.
#[derive(Debug, Clone, PartialEq)]
pub struct FileMount {
    /// The file's name.
    pub name: Text,
    /// The folder that it stands in, which is on Python's import path.
    pub folder_path: Text,
    /// What it holds.
    pub content: Text,
}

/// The environment variable that names the Python hook.
const HOOK: &str = "CLEARML_K8S_GLUE_TEMPLATE_MODULE";
/// The environment variable with the command that runs before a Pod is applied.
const PRE_APPLY: &str = "CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD";

impl Values {
    /// The agent's own environment: the names of `agentk8sglue.extraEnvs` that have a plain value. Those whose value
    /// comes from a Secret or a field aren't known offline.
    pub fn environment(&self) -> Vec<(Text, Text)> {
        let given = self.items("extraEnvs").iter();
        given.filter_map(|item| Some((item.get("name")?.as_text()?.clone(), scalar(item.get("value")?)?))).collect()
    }

    /// The Python hook, `module:function`, with the place where it is named. Of several the last counts, as in a Pod.
    pub fn hook(&self) -> Option<Text> {
        self.named(HOOK)
    }

    /// The same, as a process can be given it: a name or a value that none can have would keep it from starting.
    pub fn variables(&self) -> Vec<(String, String)> {
        let all = self.environment().into_iter().map(|(name, value)| (name.value, value.value));
        all.filter(|(name, value)| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')).collect()
    }

    /// The command that runs before a task's Pod is applied, `CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD`.
    pub fn pre_apply(&self) -> Option<Text> {
        self.named(PRE_APPLY)
    }

    /// A variable of the agent's own environment, unless it is empty.
    pub(super) fn named(&self, wanted: &str) -> Option<Text> {
        let found = self.environment().into_iter().filter(|(name, _)| name.value == wanted);
        found.map(|(_, value)| value).next_back().filter(|value| !value.value.trim().is_empty())
    }

    /// The files of `agentk8sglue.fileMounts`, where a hook's Python module lives.
    pub fn file_mounts(&self) -> Vec<FileMount> {
        let text = |item: &Node, key: &str| item.get(key).and_then(Node::as_text).cloned();
        let mounts = self.items("fileMounts").iter().filter_map(|item| {
            Some(FileMount {
                name: text(item, "name")?,
                folder_path: text(item, "folderPath")?,
                content: text(item, "fileContent")?,
            })
        });
        mounts.collect()
    }

    /// `agentk8sglue.taskAsJob`: whether the agent makes a Job of each task, and not a bare Pod.
    pub fn task_as_job(&self) -> bool {
        self.is_set(&["agentk8sglue", "taskAsJob"])
    }

    /// `agentk8sglue.defaultContainerImage`: the image of a task that names none.
    pub fn default_image(&self) -> Option<Text> {
        let image = self.values.get_path(&["agentk8sglue", "defaultContainerImage"])?.as_text()?;
        (!image.value.is_empty()).then(|| image.clone())
    }

    fn items(&self, list: &str) -> &[Node] {
        self.values.get_path(&["agentk8sglue", list]).map(Node::items).unwrap_or_default()
    }
}

/// A scalar as the text that an environment variable would hold.
fn scalar(node: &Node) -> Option<Text> {
    let value = match &node.kind {
        Kind::String(text) => return Some(text.clone()),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::Null | Kind::List(_) | Kind::Map(_) => return None,
    };
    Some(Text { span: node.span, value, style: Style::Made })
}

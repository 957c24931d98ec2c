//! The agent's own settings in the values: its environment, its files, the hook and the default image.

use super::Values;
use crate::source::{Kind, Node, Style, Text};

/// A file that the chart puts into the agent's container.
#[derive(Debug, Clone, PartialEq)]
pub struct FileMount {
    /// The file's name.
    pub name: Text,
    /// The folder that it is in, which is on Python's import path.
    pub folder_path: Text,
    /// Its contents.
    pub content: Text,
}

/// The environment variable that names the Python hook.
const HOOK: &str = "CLEARML_K8S_GLUE_TEMPLATE_MODULE";
/// The environment variable with the command that runs before a Pod is applied.
const PRE_APPLY: &str = "CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD";

impl Values {
    /// The agent's own environment: the variables of `agentk8sglue.extraEnvs` that have a plain value. Values that come from
    /// a Secret or a field aren't known offline.
    pub fn environment(&self) -> Vec<(Text, Text)> {
        let given = self.items("extraEnvs").iter();
        given.filter_map(|item| Some((item.get("name")?.as_text()?.clone(), scalar(item.get("value")?)?))).collect()
    }

    /// The Python hook, `module:function`, with the place that names it. Of several, the last counts, as in a Pod.
    pub fn hook(&self) -> Option<Text> {
        self.named(HOOK)
    }

    /// The agent's own environment for a process: without names and values that no process can have.
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

    /// `agentk8sglue.taskAsJob`: whether the agent creates a Job for each task instead of a bare Pod.
    pub fn task_as_job(&self) -> bool {
        self.is_set(&["agentk8sglue", "taskAsJob"])
    }

    /// `agentk8sglue.defaultContainerImage`: the image of tasks that set none.
    pub fn default_image(&self) -> Option<Text> {
        let image = self.values.get_path(&["agentk8sglue", "defaultContainerImage"])?.as_text()?;
        (!image.value.is_empty()).then(|| image.clone())
    }

    fn items(&self, list: &str) -> &[Node] {
        self.values.get_path(&["agentk8sglue", list]).map(Node::items).unwrap_or_default()
    }
}

/// A scalar as the text that an environment variable would have.
fn scalar(node: &Node) -> Option<Text> {
    let value = match &node.kind {
        Kind::String(text) => return Some(text.clone()),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::Null | Kind::List(_) | Kind::Map(_) => return None,
    };
    Some(Text { span: node.span, value, style: Style::Made })
}

//! The names by which podrules knows its objects again.

/// The field manager of everything that podrules applies.
pub const MANAGER: &str = "podrules";
/// The label with the id of the task that an object belongs to.
pub const TASK_LABEL: &str = "podrules.io/task-id";
/// ClearML's label with the name of the agent that an object belongs to.
pub const AGENT_LABEL: &str = "CLEARML";
/// The label with the name of the rule that declares a companion.
pub const RULE_LABEL: &str = "podrules.io/rule";
/// The label with a companion's lifetime.
pub const LIFETIME_LABEL: &str = "podrules.io/lifetime";
/// The finalizer that keeps a deleted Pod until its post-delete command has run.
pub const FINALIZER: &str = "podrules.io/post-delete";

//! Compiles rules to an immutable [`Plan`]: resolves names, compiles expressions, paths and patterns, collects all mistakes,
//! and indexes rules by queue, so that a task costs only what its own rules cost.

mod check;
mod compile;
mod cycles;
mod index;
mod selector;

pub use compile::compile;
pub use selector::{Selector, Verdict};

use crate::diagnostic::Span;
use crate::expr::{Expression, Language, ValueExpr};
use crate::hook::Hook;
use crate::lifetime::Lifetime;
use crate::op::Operation;
use crate::rules::{Mode, OnError, RuleStage};
use index::Index;
use std::sync::Arc;

/// Compiled rules. A plan never changes, and threads may share it.
#[derive(Debug)]
pub struct Plan {
    /// The rules, in the order in which they run.
    pub rules: Vec<Rule>,
    /// The names that the rules of each document share.
    pub sets: Vec<Set>,
    /// The Python functions that the rules name.
    pub hooks: Vec<Hook>,
    /// The hook that the values name; it runs after all rules of the stage `template`.
    pub values_hook: Option<Hook>,
    /// The language that its expressions and scripts were compiled with.
    pub language: Language,
    index: Index,
}

/// The names that the rules of one document share.
#[derive(Debug, Clone)]
pub struct Set {
    /// The environment variables that its expressions may read.
    pub env: Vec<String>,
    /// The definitions under its `vars:`.
    pub vars: Arc<[(String, ValueExpr)]>,
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its unique name.
    pub name: String,
    /// The place of the name.
    pub span: Span,
    /// Its description, as written.
    pub description: Option<String>,
    /// The index of its set in [`Plan::sets`].
    pub set: usize,
    /// The queues that it is for.
    pub selector: Selector,
    /// The condition under which it applies.
    pub when: Option<Expression>,
    /// Its operations, in order.
    pub steps: Vec<Step>,
    /// The highest author number of its steps, or of the steps before it.
    last_author: u32,
    /// The objects to create before the Pod.
    pub companions: Vec<Companion>,
    /// Whether a failure fails the task or only skips the rule.
    pub on_error: OnError,
    /// Whether it may run at all.
    pub enabled: bool,
    /// Whether it changes the Pod, or is only reported.
    pub mode: Mode,
    /// Whether later rules of the stage are skipped once it was applied.
    pub stop: bool,
    /// The stage that it runs in.
    pub stage: RuleStage,
}

/// One operation of a rule.
#[derive(Debug)]
pub struct Step {
    /// The operation's name, such as `setEnv`.
    pub name: &'static str,
    /// The place that it was written at.
    pub span: Span,
    /// The compiled operation.
    pub operation: Box<dyn Operation>,
    /// Its number among all steps of the plan; the trace refers to it by this number.
    pub author: u32,
}

/// A companion of a rule.
#[derive(Debug)]
pub struct Companion {
    /// When podrules removes it.
    pub lifetime: Lifetime,
    /// The Kubernetes object.
    pub manifest: ValueExpr,
    /// The place of the manifest.
    pub span: Span,
}

/// The author number of the template itself.
pub const BASE: u32 = 0;
/// The author number of the assembly, which writes the Pod's name, labels, image and so on.
pub const ASSEMBLY: u32 = 1;
/// The author number of resolved `${CLEARML_…}` strings.
pub const STRINGS: u32 = 2;
/// The author number of the values' Python hook.
pub const HOOK: u32 = 3;
/// The author number of the first step of a plan.
const FIRST_STEP: u32 = 4;

impl Plan {
    /// The numbers of the rules for a queue, in order. An empty id or name is unknown.
    pub fn rules_for(&self, id: &str, name: &str) -> Arc<[u32]> {
        self.index.rules_for(&self.rules, id, name)
    }

    /// The rule and the step with an author number; `None` for the numbers below 4, which have constants of their own.
    pub fn author(&self, author: u32) -> Option<(&Rule, &Step)> {
        // Numbers ascend from rule to rule, with gaps where rules with mistakes were left out.
        let rule = self.rules.partition_point(|rule| rule.last_author < author);
        let rule = self.rules.get(rule)?;
        rule.steps.iter().find(|step| step.author == author).map(|step| (rule, step))
    }
}

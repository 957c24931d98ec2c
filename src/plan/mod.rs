//! Rules to an immutable [`Plan`]: names resolved, expressions, paths and patterns compiled, mistakes gathered, and an
//! index by queue, so that a task costs what its own rules cost.

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

/// Compiled rules. It is never changed, and may be shared by threads.
#[derive(Debug)]
pub struct Plan {
    /// The rules, in the order in which they run.
    pub rules: Vec<Rule>,
    /// What the rules of one document share.
    pub sets: Vec<Set>,
    /// The Python functions that the rules name.
    pub hooks: Vec<Hook>,
    /// The hook of the values, which runs after all rules of the template's stage.
    pub values_hook: Option<Hook>,
    /// The expression language.
    pub language: Language,
    index: Index,
}

/// The names that the rules of one document share.
#[derive(Debug, Clone)]
pub struct Set {
    /// The environment variables that its expressions may read.
    pub env: Vec<String>,
    /// Its `vars:`.
    pub vars: Arc<[(String, ValueExpr)]>,
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its unique name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is for.
    pub description: Option<String>,
    /// Which of the plan's sets it belongs to.
    pub set: usize,
    /// The queues it is for.
    pub selector: Selector,
    /// Its condition.
    pub when: Option<Expression>,
    /// What it does.
    pub steps: Vec<Step>,
    /// The highest number of its steps, or of those before it.
    last_author: u32,
    /// What it creates before the Pod.
    pub companions: Vec<Companion>,
    /// What a failure means.
    pub on_error: OnError,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it changes the Pod.
    pub mode: Mode,
    /// Whether it ends the stage.
    pub stop: bool,
    /// When it runs.
    pub stage: RuleStage,
}

/// One operation of a rule.
#[derive(Debug)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// Where it was written.
    pub span: Span,
    /// What it does.
    pub operation: Box<dyn Operation>,
    /// Its number among all steps of the plan, by which the trace names it.
    pub author: u32,
}

/// A companion of a rule.
#[derive(Debug)]
pub struct Companion {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// The object.
    pub manifest: ValueExpr,
    /// Where it was written.
    pub span: Span,
}

/// The author of what the template held before any rule.
pub const BASE: u32 = 0;
/// The author of what the assembly of the Pod writes: its name, labels, image.
pub const ASSEMBLY: u32 = 1;
/// The author of what was resolved of ClearML's `${CLEARML_…}` strings.
pub const STRINGS: u32 = 2;
/// The author of what the values' Python hook changed.
pub const HOOK: u32 = 3;
const FIRST_STEP: u32 = 4;

impl Plan {
    /// The rules for a queue, in order, by number. A queue is known by its id, its name, or both.
    pub fn rules_for(&self, id: &str, name: &str) -> Arc<[u32]> {
        self.index.rules_for(&self.rules, id, name)
    }

    /// The rule and the step that an author number of the trace stands for.
    pub fn author(&self, author: u32) -> Option<(&Rule, &Step)> {
        // Numbers ascend from rule to rule; a rule that was left out leaves a gap.
        let rule = self.rules.partition_point(|rule| rule.last_author < author);
        let rule = self.rules.get(rule)?;
        rule.steps.iter().find(|step| step.author == author).map(|step| (rule, step))
    }
}

//! What rules an installation has.

use super::Installation;
use crate::diagnostic::Span;
use crate::lifetime::Lifetime;
use crate::plan::{Companion, Plan, Rule};
use crate::rules::{Mode, RuleStage};

/// A rule in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSummary<'i> {
    /// Its name.
    pub name: &'i str,
    /// `file:line` of its name.
    pub place: String,
    /// The queues that it selects, as they were written; none if it selects every queue.
    pub queues: Option<String>,
    /// When it runs.
    pub stage: RuleStage,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it runs only to be reported, `mode: audit`.
    pub audit: bool,
    /// How many companions it creates.
    pub companions: usize,
    /// What it is for.
    pub description: Option<&'i str>,
}

/// A companion that a rule creates, as far as it is known without a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanionSummary {
    /// Its apiVersion and kind, unless they depend on the task.
    pub kind: Option<(String, String)>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Where it was written.
    pub span: Span,
}

impl Installation {
    /// All rules, in the order in which they run.
    pub fn rules(&self) -> impl Iterator<Item = RuleSummary<'_>> {
        self.plan.rules.iter().map(|rule| self.summary(rule))
    }

    /// The companions of all rules that are switched on.
    pub fn companions(&self) -> impl Iterator<Item = CompanionSummary> {
        companions(&self.plan)
    }

    fn summary<'i>(&'i self, rule: &'i Rule) -> RuleSummary<'i> {
        RuleSummary {
            name: &rule.name,
            place: self.sources.file_line(rule.span),
            queues: (!rule.selector.is_everything()).then(|| rule.selector.written()),
            stage: rule.stage,
            enabled: rule.enabled,
            audit: rule.mode == Mode::Audit,
            companions: rule.companions.len(),
            description: rule.description.as_deref(),
        }
    }
}

fn companions(plan: &Plan) -> impl Iterator<Item = CompanionSummary> {
    let enabled = plan.rules.iter().filter(|rule| rule.enabled);
    enabled.flat_map(|rule| &rule.companions).map(|companion| CompanionSummary {
        kind: kind(companion),
        lifetime: companion.lifetime,
        span: companion.span,
    })
}

fn kind(companion: &Companion) -> Option<(String, String)> {
    let text = |key| Some(companion.manifest.field(key)?.constant()?.as_str()?.to_owned());
    Some((text("apiVersion")?, text("kind")?))
}

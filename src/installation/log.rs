//! What rules and hooks said during a run.

use crate::hook::Function;
use crate::plan::Plan;
use crate::run::Outcome;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker<'p> {
    /// A rule, by its name.
    Rule(&'p str),
    /// The values' hook.
    Hook(&'p Function),
}

/// What the plan's rules logged and its hooks printed in a run, line by line. A line may hold anything: make it printable.
pub fn log<'p>(plan: &'p Plan, outcome: &'p Outcome) -> impl Iterator<Item = (Speaker<'p>, &'p str)> {
    let rules = outcome.rules.iter().flat_map(|trace| {
        let rule = Speaker::Rule(&plan.rules[trace.rule as usize].name);
        trace.log.iter().map(move |line| (rule, line.as_str()))
    });
    let hook = plan.values_hook.iter().zip(&outcome.hook).flat_map(|(hook, trace)| {
        let hook = Speaker::Hook(&hook.function);
        trace.log.iter().map(move |line| (hook, line.as_str()))
    });
    rules.chain(hook)
}

//! Runs a plan for a task and returns the outcome. Pure except for Python hooks: no clock, no randomness, no network, no
//! files.
//!
//! A rule is a transaction on the editor's log: either all of its changes stay, or none.

mod assemble;
mod host;
mod outcome;
pub mod provenance;
mod why;

pub use assemble::agent_label;
pub use outcome::{Companion, HookTrace, Outcome, Reason, RuleTrace, Seen, Status, seen};

use crate::context::Context;
use crate::diagnostic::{Code, Diagnostic, Fault};
use crate::edit::{Editor, weight};
use crate::expr::clearml;
use crate::hook::Hooks;
use crate::op::{EnvIndex, Host, OpContext};
use crate::plan::{self, Plan, Rule};
use crate::rules::{Mode, OnError, RuleStage};
use host::Evaluator;
use serde_json::Value;
use std::collections::BTreeSet;

/// How to run a plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'h> {
    /// Runs Python hooks; without it, they fail.
    pub hooks: Option<&'h dyn Hooks>,
    /// Whether to keep every change and to find out why conditions are false, as `explain` needs.
    pub trace: bool,
}

/// The part of a run to do.
#[derive(Debug, Clone, Copy)]
enum Work {
    Whole,
    Rules,
    Stage(RuleStage),
}

impl Plan {
    /// Runs the rules for the context's queue on a template: the stage `template` with the values' hook, the assembly of the
    /// Pod, the stage `pod`.
    pub fn run(&self, template: Value, context: &Context, options: Options<'_>) -> Outcome {
        self.work(template, context, options, Work::Whole)
    }

    /// Runs the rules of both stages and the values' hook, without the assembly between them: for Pods that somebody else
    /// assembles.
    pub fn run_rules(&self, pod: Value, context: &Context, options: Options<'_>) -> Outcome {
        self.work(pod, context, options, Work::Rules)
    }

    /// Runs the rules of one stage, and the values' hook after the stage `template`: for agents that do the rest themselves.
    pub fn run_stage(&self, pod: Value, context: &Context, options: Options<'_>, stage: RuleStage) -> Outcome {
        self.work(pod, context, options, Work::Stage(stage))
    }

    fn work(&self, template: Value, context: &Context, options: Options<'_>, work: Work) -> Outcome {
        let strings = if matches!(work, Work::Whole) { clearml::tokens(&template) } else { Default::default() };
        let mut run = Run {
            plan: self,
            evaluator: Evaluator::new(self, context, options.hooks),
            pod: Editor::new(template),
            companions: Vec::new(),
            companion_bytes: 0,
            traces: Vec::new(),
            hook: None,
            warnings: Vec::new(),
            env: EnvIndex::default(),
            trace: options.trace,
        };
        let failure = run.all(context, &strings, work).err().map(|fault| *fault);
        let (pod, changes) = run.pod.into_parts();
        Outcome {
            pod,
            companions: if failure.is_some() { Vec::new() } else { run.companions },
            rules: run.traces,
            hook: run.hook,
            changes,
            warnings: run.warnings,
            failure,
        }
    }
}

/// The most that the companions of one task may hold together, in bytes of [`weight`].
const MAX_COMPANIONS: usize = 32 << 20;

struct Run<'p> {
    plan: &'p Plan,
    evaluator: Evaluator<'p>,
    pod: Editor,
    companions: Vec<Companion>,
    companion_bytes: usize,
    traces: Vec<RuleTrace>,
    hook: Option<HookTrace>,
    warnings: Vec<Diagnostic>,
    env: EnvIndex,
    trace: bool,
}

impl Run<'_> {
    fn all(&mut self, context: &Context, strings: &BTreeSet<String>, work: Work) -> Result<(), Fault> {
        let rules = self.plan.rules_for(context.queue_id(), context.queue_name());
        if !matches!(work, Work::Stage(RuleStage::Pod)) {
            self.stage(&rules, RuleStage::Template)?;
            self.values_hook()?;
        }
        if matches!(work, Work::Whole) {
            self.between(context, strings)?;
        }
        if !matches!(work, Work::Stage(RuleStage::Template)) {
            self.stage(&rules, RuleStage::Pod)?;
        }
        Ok(())
    }

    /// Calls the values' hook, after all rules of the stage `template`.
    fn values_hook(&mut self) -> Result<(), Fault> {
        let Some(hook) = &self.plan.values_hook else { return Ok(()) };
        self.pod.author = plan::HOOK;
        let mark = self.pod.mark();
        let done = self.evaluator.hook(hook, &mut self.pod);
        let log = std::mem::take(&mut self.evaluator.log);
        let failure = done.as_ref().err().map(|fault| (**fault).clone());
        if failure.is_some() {
            self.pod.rollback(mark);
        }
        self.hook = Some(HookTrace { failure, log });
        self.keep_or_forget(mark);
        done
    }

    /// Turns the template into the Pod: resolves ClearML's strings and assembles.
    fn between(&mut self, context: &Context, strings: &BTreeSet<String>) -> Result<(), Fault> {
        self.pod.author = plan::STRINGS;
        if !strings.is_empty() {
            let scope = clearml::Scope {
                task: &context.task,
                queue_id: context.queue_id(),
                queue_name: context.queue_name(),
                worker_id: context.worker.get("id").and_then(Value::as_str).unwrap_or(""),
                project_name: context.task.get("project").and_then(|p| p.get("name")).and_then(Value::as_str),
                providers: &context.providers,
                config: &context.config,
                user_vaults: None,
                user: None,
            };
            clearml::resolve(&mut self.pod, strings, &scope)?;
        }
        self.pod.author = plan::ASSEMBLY;
        assemble::assemble(&mut self.pod, context)?;
        self.keep_or_forget(0);
        Ok(())
    }

    fn stage(&mut self, rules: &[u32], stage: RuleStage) -> Result<(), Fault> {
        let mut stopped = None;
        for number in rules {
            let rule = &self.plan.rules[*number as usize];
            if rule.stage != stage {
                continue;
            }
            let (status, log) = match stopped {
                Some(by) => (Status::Skipped(Reason::Stopped(by)), Vec::new()),
                None => self.rule(*number, rule),
            };
            if rule.stop && matches!(status, Status::Applied) {
                stopped = Some(*number);
            }
            let failure = match &status {
                Status::Failed(diagnostic) => Some((diagnostic.clone(), rule.on_error)),
                _ => None,
            };
            self.traces.push(RuleTrace { rule: *number, status, log });
            match failure {
                Some((diagnostic, OnError::Fail)) => return Err(Box::new(diagnostic)),
                Some((mut diagnostic, OnError::Skip)) => {
                    diagnostic.message = format!("rule `{}` was skipped: {}", rule.name, diagnostic.message);
                    diagnostic.severity = crate::diagnostic::Severity::Warning;
                    diagnostic.code = Code::RuleSkipped;
                    self.warnings.push(diagnostic);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Runs one rule; unless it is applied, all that it did is undone.
    fn rule(&mut self, number: u32, rule: &Rule) -> (Status, Vec<String>) {
        if !rule.enabled {
            return (Status::Skipped(Reason::Disabled), Vec::new());
        }
        self.evaluator.set = rule.set;
        let mark = self.pod.mark();
        let companions = self.companions.len();
        let warnings = self.warnings.len();
        let done = self.try_rule(number, rule);
        let log = std::mem::take(&mut self.evaluator.log);
        self.warnings.append(&mut self.evaluator.warnings);
        let status = match done {
            Ok(Status::Applied) if rule.mode == Mode::Audit => {
                let changes = self.pod.log()[mark..].to_vec();
                let would = seen(&mut self.pod.root().clone(), changes);
                Status::Audited(would)
            }
            Ok(status) => status,
            Err(fault) => Status::Failed(in_rule(*fault, rule)),
        };
        if matches!(status, Status::Applied) {
            self.keep_or_forget(mark);
        } else {
            self.pod.rollback(mark);
            self.companions.truncate(companions);
            if matches!(status, Status::Skipped(_)) {
                self.warnings.truncate(warnings);
            }
        }
        (status, log)
    }

    fn try_rule(&mut self, number: u32, rule: &Rule) -> Result<Status, Fault> {
        if let Some(when) = &rule.when
            && !self.evaluator.condition(when, &mut self.pod)?
        {
            let why = if self.trace { why::why(&mut self.evaluator, when, &mut self.pod) } else { Vec::new() };
            return Ok(Status::Skipped(Reason::Condition(why)));
        }
        for companion in &rule.companions {
            let manifest = self.evaluator.value(&companion.manifest, &mut self.pod, None)?;
            self.companion_bytes += weight(&manifest);
            if self.companion_bytes > MAX_COMPANIONS {
                let message =
                    format!("the companions of one task are together larger than {} MiB", MAX_COMPANIONS >> 20);
                return Err(Box::new(Diagnostic::new(Code::LimitExceeded, message).at(companion.span)));
            }
            self.companions.push(Companion { lifetime: companion.lifetime, manifest, rule: number });
        }
        for step in &rule.steps {
            self.pod.author = step.author;
            let mut cx = OpContext {
                pod: &mut self.pod,
                item: None,
                host: &mut self.evaluator,
                warnings: &mut self.warnings,
                env: &mut self.env,
                skipped: false,
            };
            step.operation.apply(&mut cx).map_err(|mut fault| {
                fault.message = format!("{}: {}", step.name, fault.message);
                fault.primary.get_or_insert_with(|| crate::diagnostic::Label { span: step.span, text: String::new() });
                fault
            })?;
            if cx.skipped {
                return Ok(Status::Skipped(Reason::Script));
            }
        }
        Ok(Status::Applied)
    }

    /// Drops the log of a finished rule unless there is a trace.
    fn keep_or_forget(&mut self, mark: usize) {
        if !self.trace {
            self.pod.forget(mark);
        }
    }
}

fn in_rule(mut fault: Diagnostic, rule: &Rule) -> Diagnostic {
    fault.related.insert(0, crate::diagnostic::Label { span: rule.span, text: "in this rule".into() });
    fault.rule(rule.name.clone())
}

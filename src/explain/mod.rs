//! Explains a run to people: what each rule did, and who wrote each field of the Pod.

mod fields;
mod findings;

pub use fields::Fields;
pub use findings::{check, of_finding, written};

use crate::context::Context;
use crate::diagnostic::{Diagnostic, Sources, render};
use crate::edit::Pointer;
use crate::output;
use crate::plan::{HOOK, Plan, Rule, Verdict};
use crate::run::{Outcome, Reason, RuleTrace, Seen, Status, seen};
use crate::source::Node;
use crate::text::shortened;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;

/// The rightmost column of the marks beside the Pod's lines.
const MARK_COLUMN: usize = 72;
/// The most characters of a value in the list of changes.
const SHOWN: usize = 60;

/// A run, with all that is needed to explain it.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'v> {
    /// The plan that ran.
    pub plan: &'v Plan,
    /// The task, and what is known about it.
    pub context: &'v Context,
    /// The template that the rules ran on.
    pub template: &'v Node,
    /// The outcome, with its trace.
    pub outcome: &'v Outcome,
    /// The texts that places point into.
    pub sources: &'v Sources,
}

impl<'v> Explanation<'v> {
    /// The explanation as text. With `colour`, ANSI escapes colour it.
    pub fn text(&self, colour: bool) -> String {
        self.view().text(colour)
    }

    /// The explanation as JSON, with findings.
    pub fn data(&self, findings: &[Diagnostic]) -> Value {
        self.view().data(findings)
    }

    /// The lines of the Pod's YAML, each with who wrote it; empty for a line that continues the one before.
    pub fn lines(&self) -> Vec<(String, String)> {
        self.view().lines()
    }

    fn view(&self) -> View<'v> {
        View { of: *self, fields: Fields::new(self.plan, self.template, self.outcome) }
    }
}

struct View<'v> {
    of: Explanation<'v>,
    fields: Fields<'v>,
}

/// One rule of the plan, reached or not.
struct Row<'v> {
    rule: &'v Rule,
    status: &'static str,
    why: Vec<String>,
    changes: Vec<&'v Seen>,
    log: &'v [String],
}

impl View<'_> {
    /// Every rule of the plan in order, with what it did.
    fn rows<'v>(&'v self, changes: &'v [Seen]) -> Vec<Row<'v>> {
        let (id, name) = (self.of.context.queue_id(), self.of.context.queue_name());
        let traces: HashMap<u32, &RuleTrace> = self.of.outcome.rules.iter().map(|trace| (trace.rule, trace)).collect();
        let mut by_author: HashMap<u32, Vec<&Seen>> = HashMap::new();
        for change in changes {
            by_author.entry(change.author).or_default().push(change);
        }
        let rows = (0_u32..).zip(&self.of.plan.rules).map(|(number, rule)| {
            let trace = traces.get(&number);
            let mut row = Row { rule, status: "skipped", why: Vec::new(), changes: Vec::new(), log: &[] };
            match trace {
                None => row.why.push(match rule.selector.verdict(id, name) {
                    Verdict::NotIncluded => format!("its queues are {}, not {name}", rule.selector.written()),
                    Verdict::Excluded(pattern) => format!("the selector {pattern} excludes the queue {name}"),
                    Verdict::Selected => "a rule before it failed".to_owned(),
                }),
                Some(trace) => {
                    row.log = &trace.log;
                    match &trace.status {
                        Status::Applied => {
                            row.status = "applied";
                            let own = rule.steps.iter().filter_map(|step| by_author.get(&step.author));
                            row.changes = own.flatten().copied().collect();
                        }
                        Status::Audited(would) => {
                            row.status = "audited";
                            row.changes = would.iter().collect();
                        }
                        Status::Skipped(reason) => row.why = self.reason(reason),
                        Status::Failed(diagnostic) => {
                            row.status = "failed";
                            row.why.push(diagnostic.message.clone());
                        }
                    }
                }
            }
            row
        });
        rows.collect()
    }

    fn reason(&self, reason: &Reason) -> Vec<String> {
        match reason {
            Reason::Disabled => vec!["it is disabled (enabled: false)".to_owned()],
            Reason::Condition(parts) if parts.is_empty() => vec!["its condition is false".to_owned()],
            Reason::Condition(parts) => parts.clone(),
            Reason::Stopped(by) => {
                vec![format!("the rule {} stopped the stage before it", self.of.plan.rules[*by as usize].name)]
            }
            Reason::Script => vec!["its script called skip()".to_owned()],
        }
    }

    fn changes(&self) -> Vec<Seen> {
        seen(&mut self.of.outcome.pod.clone(), self.of.outcome.changes.clone())
    }

    fn text(&self, colour: bool) -> String {
        let changes = self.changes();
        let rows = self.rows(&changes);
        let mut out = String::new();
        let context = self.of.context;
        let _ =
            writeln!(out, "Task {} of the queue {}\n\nRules", clean(context.task_id()), clean(context.queue_name()));
        if rows.is_empty() {
            out.push_str("  none\n");
        }
        let width = rows.iter().map(|row| row.rule.name.chars().count()).max().unwrap_or(0);
        for row in &rows {
            let (mark, paint) = match row.status {
                "applied" => ("✓", anstyle::AnsiColor::Green),
                "failed" => ("✗", anstyle::AnsiColor::Red),
                "audited" => ("?", anstyle::AnsiColor::Yellow),
                _ => ("-", anstyle::AnsiColor::BrightBlack),
            };
            let status = painted(&format!("{mark} {:<8}", row.status), paint, colour);
            let pad = " ".repeat(width.saturating_sub(row.rule.name.chars().count()));
            let _ = writeln!(
                out,
                "  {status} {}{pad}  {}",
                clean(&row.rule.name),
                self.of.sources.file_line(row.rule.span)
            );
            for why in &row.why {
                let _ = writeln!(out, "      {}", clean(why));
            }
            for change in &row.changes {
                let _ = writeln!(out, "      {}", clean(&describe(change)));
            }
            for line in row.log {
                let _ = writeln!(out, "      log: {}", clean(line));
            }
        }
        self.hook(&mut out, &changes, colour);
        for companion in &self.of.outcome.companions {
            let rule = &self.of.plan.rules[companion.rule as usize].name;
            let _ = writeln!(out, "\nCompanion of the rule {rule}");
            out.push_str(&render::printable(&output::to_yaml(&companion.manifest)));
        }
        out.push_str("\nPod\n");
        self.marked_pod(&mut out, colour);
        out
    }

    /// Writes what the values' hook did.
    fn hook(&self, out: &mut String, changes: &[Seen], colour: bool) {
        let (Some(trace), Some(hook)) = (&self.of.outcome.hook, &self.of.plan.values_hook) else { return };
        let (status, paint) = match &trace.failure {
            None => ("✓ applied ", anstyle::AnsiColor::Green),
            Some(_) => ("✗ failed  ", anstyle::AnsiColor::Red),
        };
        let place = self.of.sources.file_line(hook.span);
        let _ = writeln!(out, "\nHook\n  {} {}  {place}", painted(status, paint, colour), hook.function);
        for change in changes.iter().filter(|change| change.author == HOOK) {
            let _ = writeln!(out, "      {}", clean(&describe(change)));
        }
        for line in &trace.log {
            let _ = writeln!(out, "      log: {}", clean(line));
        }
    }

    /// What the values' hook did, as JSON.
    fn hook_data(&self, changes: &[Seen]) -> Value {
        let (Some(trace), Some(hook)) = (&self.of.outcome.hook, &self.of.plan.values_hook) else { return Value::Null };
        let own = changes.iter().filter(|change| change.author == HOOK);
        let changes: Vec<Value> = own
            .map(|change| {
                json!({
                    "what": change.what, "path": change.at.to_string(), "before": change.before, "after": change.after,
                })
            })
            .collect();
        json!({
            "call": hook.function.to_string(), "file": self.of.sources.name(hook.span.file),
            "line": self.of.sources.position(hook.span).line,
            "status": if trace.failure.is_some() { "failed" } else { "applied" },
            "why": trace.failure.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>(),
            "changes": changes, "log": trace.log,
        })
    }

    /// The Pod's lines, each with who wrote it.
    fn lines(&self) -> Vec<(String, String)> {
        let mut last: Option<Pointer> = None;
        let lines = output::lines(&self.of.outcome.pod).into_iter().map(|(line, at)| {
            let mark = match &at {
                // The further lines of a block of text belong to its first.
                Some(at) if last.as_ref() != Some(at) => self.fields.words(at, self.of.sources),
                _ => String::new(),
            };
            last = at;
            (clean(&line), clean(&mark))
        });
        lines.collect()
    }

    fn marked_pod(&self, out: &mut String, colour: bool) {
        let lines = self.lines();
        let widest =
            lines.iter().map(|(line, _)| line.chars().count()).filter(|w| *w <= MARK_COLUMN).max().unwrap_or(0);
        for (line, mark) in lines {
            if mark.is_empty() {
                let _ = writeln!(out, "{line}");
            } else {
                let pad = " ".repeat(widest.saturating_sub(line.chars().count()));
                let paint =
                    if mark.starts_with("rule ") { anstyle::AnsiColor::Cyan } else { anstyle::AnsiColor::BrightBlack };
                let _ = writeln!(out, "{line}{pad}  {}", painted(&format!("# {mark}"), paint, colour));
            }
        }
    }

    fn data(&self, findings: &[Diagnostic]) -> Value {
        let changes = self.changes();
        let rules: Vec<Value> = self
            .rows(&changes)
            .into_iter()
            .map(|row| {
                let changes: Vec<Value> = row.changes.iter().map(|change| self.change_data(row.rule, change)).collect();
                json!({
                    "name": row.rule.name, "file": self.of.sources.name(row.rule.span.file),
                    "line": self.of.sources.position(row.rule.span).line,
                    "status": row.status, "why": row.why, "changes": changes, "log": row.log,
                })
            })
            .collect();
        let fields: Vec<Value> = output::lines(&self.of.outcome.pod)
            .into_iter()
            .filter_map(|(_, at)| at)
            .map(|at| json!({"path": at.to_string(), "source": self.fields.data(&at, self.of.sources)}))
            .collect();
        let companions: Vec<Value> = self
            .of
            .outcome
            .companions
            .iter()
            .map(|c| json!({"rule": self.of.plan.rules[c.rule as usize].name, "manifest": c.manifest}))
            .collect();
        json!({
            "task": self.of.context.task_id(), "queue": self.of.context.queue_name(),
            "rules": rules, "hook": self.hook_data(&changes), "companions": companions, "pod": self.of.outcome.pod, "fields": fields,
            "findings": render::json(findings, self.of.sources),
        })
    }

    fn change_data(&self, rule: &Rule, change: &Seen) -> Value {
        let step = rule.steps.iter().find(|step| step.author == change.author);
        json!({
            "operation": step.map(|s| s.name), "line": step.map(|s| self.of.sources.position(s.span).line),
            "what": change.what, "path": change.at.to_string(), "before": change.before, "after": change.after,
        })
    }
}

/// A change in one line: `+`, `-` or `~`, the place, and the values.
pub fn describe(change: &Seen) -> String {
    let show = |value: &Option<Value>| shortened(value.as_ref().map_or_else(String::new, Value::to_string), SHOWN);
    match change.what {
        "add" => format!("+ {} = {}", change.at, show(&change.after)),
        "remove" => format!("- {} (was {})", change.at, show(&change.before)),
        _ => format!("~ {} = {} (was {})", change.at, show(&change.after), show(&change.before)),
    }
}

/// Replaces what a terminal would interpret in text that comes from a task.
fn clean(text: &str) -> String {
    render::printable_line(text).into_owned()
}

fn painted(text: &str, color: anstyle::AnsiColor, colour: bool) -> String {
    let style = anstyle::Style::new().fg_color(Some(color.into()));
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

//! Compiles rules as they were written.

use super::index::Index;
use super::{Companion, FIRST_STEP, Plan, Rule, Selector, Set, Step, check};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::expr::{Expression, Names, ValueExpr, expression};
use crate::hook::Hook;
use crate::op::{self, Compiler};
use crate::rules::{self, RuleSet};
use crate::source::helm::Values;
use crate::source::{Kind, Style, Text};
use std::collections::HashMap;

/// Compiles the rules in the values, then those of the rules files, in the given order. Mistakes go to `found`; the plan
/// contains only rules without mistakes.
pub fn compile(sources: &Sources, values: Option<&Values>, files: &[FileId], found: &mut Diagnostics) -> Plan {
    let mut builder = Builder {
        sources,
        language: op::functions::language(),
        found,
        rules: Vec::new(),
        sets: Vec::new(),
        next_author: FIRST_STEP,
        hooks: Vec::new(),
        names: HashMap::new(),
    };
    if let Some(values) = values {
        if let Some(list) = values.rules() {
            let set = rules::read_list(list, builder.found);
            builder.add_set(set, None);
        }
        for (queue, list) in values.queue_rules() {
            let set = rules::read_list(list, builder.found);
            builder.add_set(set, Some(&queue.name));
        }
    }
    for file in files {
        for set in rules::read_file(sources, *file, builder.found) {
            builder.add_set(set, None);
        }
    }
    check::check(&builder.rules, values, builder.found);
    let index = Index::new(&builder.rules);
    let values_hook = values.and_then(Values::hook).filter(|text| !is_own(&text.value));
    let values_hook = values_hook.and_then(|text| {
        Hook::new(&text, None).map_err(|fault| builder.found.push(fault.help("write custom_code:update_template"))).ok()
    });
    let Builder { rules, sets, language, hooks, .. } = builder;
    Plan { rules, sets, hooks, values_hook, language, index }
}

struct Builder<'b> {
    sources: &'b Sources,
    language: crate::expr::Language,
    found: &'b mut Diagnostics,
    rules: Vec<Rule>,
    sets: Vec<Set>,
    next_author: u32,
    hooks: Vec<Hook>,
    /// The place where each rule name appeared first.
    names: HashMap<String, Span>,
}

impl Builder<'_> {
    /// Compiles a document's `vars`, then its rules. With `queue`, the rules are for that queue only.
    fn add_set(&mut self, set: RuleSet, queue: Option<&str>) {
        let names = Names {
            vars: set.vars.iter().map(|(name, _)| name.value.clone()).collect(),
            env: set.env.iter().map(|name| name.value.clone()).collect(),
            item: false,
        };
        let vars = self.vars(&set, &names);
        let number = self.sets.len();
        self.sets.push(Set { env: names.env.clone(), vars: vars.into() });
        for rule in set.rules {
            self.add_rule(rule.value, rule.complete, number, &names, queue);
        }
    }

    fn compiler(&mut self, names: &Names) -> Compiler<'_> {
        Compiler {
            sources: self.sources,
            found: self.found,
            language: Some(&self.language),
            names: names.clone(),
            span: Span::NOWHERE,
            hooks: Vec::new(),
            operations: op::ALL,
        }
    }

    fn vars(&mut self, set: &RuleSet, names: &Names) -> Vec<(String, ValueExpr)> {
        let mut vars = Vec::new();
        for (name, value) in &set.vars {
            if !is_identifier(&name.value) {
                let message = format!("`{}` can't be used as vars.{}", name.value, name.value);
                let help = "a variable's name consists of letters, digits and _, and begins with a letter";
                self.found.push(Diagnostic::new(Code::BadValue, message).at(name.span).help(help));
            }
            if let Some(compiled) = self.compiler(names).value(value) {
                vars.push((name.value.clone(), compiled));
            }
        }
        self.report_cycles(set, &vars);
        vars
    }

    fn report_cycles(&mut self, set: &RuleSet, vars: &[(String, ValueExpr)]) {
        for name in super::cycles::cyclic(vars) {
            let span = set.vars.iter().find(|(text, _)| text.value == name).map(|(text, _)| text.span);
            let cycle = Diagnostic::new(Code::VarsCycle, format!("vars.{name} depends on itself"));
            self.found.push(match span {
                Some(span) => cycle.at(span),
                None => cycle,
            });
        }
    }

    fn add_rule(&mut self, rule: rules::Rule, complete: bool, set: usize, names: &Names, queue: Option<&str>) {
        let before = self.found.errors();
        // A missing name is reported already, and has a stand-in.
        if complete || rule.name.style != Style::Made {
            self.check_name(&rule);
        }
        let selector = match (queue, &rule.queues) {
            (Some(queue), None) => Selector::exactly(queue),
            (Some(queue), Some(selectors)) => {
                let span = selectors.0.first().map_or(rule.name.span, |s| s.span);
                let message = format!("a rule under the queue `{queue}` can't have `queues` of its own");
                let help = "remove `queues`, or move the rule to agentk8sglue.rules";
                self.found.push(Diagnostic::new(Code::BadValue, message).at(span).help(help));
                Selector::exactly(queue)
            }
            (None, selectors) => Selector::compile(selectors.as_ref(), self.found),
        };
        let when = rule.when.as_ref().map(|text| self.condition(text, names));
        let compiled = {
            let mut compiler = self.compiler(names);
            let compiled = compiler.operations(&rule.operations);
            let hooks = std::mem::take(&mut compiler.hooks);
            self.hooks.extend(hooks);
            compiled
        };
        let companions = self.companions(&rule, names);
        let complete = complete && self.found.errors() == before;
        let steps = compiled
            .into_iter()
            .map(|compiled| {
                let author = self.next_author;
                self.next_author += 1;
                Step { name: compiled.name, span: compiled.span, operation: compiled.operation, author }
            })
            .collect();
        if !complete {
            // The mistake is reported; an incomplete rule must not run even if the caller ignores reports.
            return;
        }
        self.rules.push(Rule {
            name: rule.name.value,
            span: rule.name.span,
            description: rule.description.map(|d| d.value),
            set,
            selector,
            when: when.flatten(),
            steps,
            last_author: self.next_author - 1,
            companions,
            on_error: rule.on_error,
            enabled: rule.enabled.0,
            mode: rule.mode,
            stop: rule.stop,
            stage: rule.stage,
        });
    }

    fn check_name(&mut self, rule: &rules::Rule) {
        let name = &rule.name;
        if name.value.trim().is_empty() || name.value.len() > 128 || name.value.chars().any(char::is_control) {
            let message = "a rule's name is 1 to 128 bytes of printable text";
            self.found.push(Diagnostic::new(Code::BadValue, message).at(name.span));
        }
        if let Some(first) = self.names.get(&name.value) {
            let message = format!("there is already a rule `{}`", name.value);
            let diagnostic = Diagnostic::new(Code::DuplicateRule, message).at(name.span).related(*first, "first here");
            self.found.push(diagnostic.help("rename one: traces and errors identify rules by name"));
        } else {
            self.names.insert(name.value.clone(), name.span);
        }
    }

    fn condition(&mut self, text: &Text, names: &Names) -> Option<Expression> {
        if text.value.trim_start().starts_with("${") {
            let help = "write the expression itself: when: queue.name == \"a\"";
            let message = "`when` is already an expression; `${ }` is only for strings";
            self.found.push(Diagnostic::new(Code::BadExpression, message).at(text.span).help(help));
            return None;
        }
        match expression(&self.language, self.sources, text, names) {
            Ok(expression) => Some(expression),
            Err(problems) => {
                self.found.extend(problems);
                None
            }
        }
    }

    fn companions(&mut self, rule: &rules::Rule, names: &Names) -> Vec<Companion> {
        let mut companions = Vec::new();
        for companion in &rule.companions {
            let manifest = &companion.manifest;
            let keys = [("apiVersion", manifest.get("apiVersion")), ("kind", manifest.get("kind"))];
            if !matches!(manifest.kind, Kind::Map(_)) {
                let message = "a companion's manifest must be a Kubernetes object";
                self.found.push(Diagnostic::new(Code::WrongType, message).at(manifest.span));
                continue;
            }
            for (key, value) in keys {
                if value.is_none_or(|v| v.as_str().is_none_or(|s| s.is_empty())) {
                    let message = format!("a companion's manifest needs `{key}`");
                    self.found.push(Diagnostic::new(Code::MissingKey, message).at(manifest.span));
                }
            }
            if manifest.get_path(&["metadata", "name"]).is_none() {
                let message = "a companion's manifest needs `metadata.name`";
                let help = "use a name that is unique to the task, such as \"${pod_name}\"";
                self.found.push(Diagnostic::new(Code::MissingKey, message).at(manifest.span).help(help));
            }
            if let Some(compiled) = self.compiler(names).value(manifest) {
                companions.push(Companion { lifetime: companion.lifetime, manifest: compiled, span: manifest.span });
            }
        }
        companions
    }
}

/// Whether the values' hook is podrules itself, for use in ClearML's agent: its rules run here anyway.
fn is_own(hook: &str) -> bool {
    hook.trim() == "podrules:update_template"
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

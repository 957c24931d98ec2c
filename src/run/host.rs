//! Evaluates expressions, runs scripts and calls hooks for the rules of one task.

use crate::context::Context;
use crate::diagnostic::{Code, Diagnostic, Fault};
use crate::edit::{Editor, Pointer, replace, weight};
use crate::expr::scope::{self, Values};
use crate::expr::script::{self, End, Failure};
use crate::expr::{Expression, Handle, LivePod, Script, ValueExpr, to_value};
use crate::hook::{self, Hook, HookFault, Hooks};
use crate::op::Host;
use crate::plan::Plan;
use rhai::{Dynamic, Scope};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// Evaluates what the rules of one task hold. The variables of each set of rules are made with its first expression.
pub(super) struct Evaluator<'p> {
    plan: &'p Plan,
    context: &'p Context,
    hooks: Option<&'p dyn Hooks>,
    pod_name: String,
    /// Where expressions find the Pod while it is lent to them.
    live: LivePod,
    /// The variables of each set of the plan, made on first use and taken out while in use.
    scopes: Vec<Option<Scope<'static>>>,
    /// The index of the set whose rules run.
    pub(super) set: usize,
    /// The lines that scripts and hooks logged since they were last taken.
    pub(super) log: Vec<String>,
    /// The number of lines logged in the run, those beyond the limit included.
    logged: usize,
    /// The warnings of operations that scripts called, since they were last taken.
    pub(super) warnings: Vec<Diagnostic>,
}

/// The most lines that all scripts and hooks of a run may log: a rule may run a script for each of a thousand matches.
const MAX_LOGGED: usize = 2_000;
/// The timeout of a script that sets none.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(5);

impl<'p> Evaluator<'p> {
    pub(super) fn new(plan: &'p Plan, context: &'p Context, hooks: Option<&'p dyn Hooks>) -> Self {
        let scopes = plan.sets.iter().map(|_| None).collect();
        let pod_name = context.pod_name();
        Evaluator {
            plan,
            context,
            hooks,
            pod_name,
            live: LivePod::default(),
            scopes,
            set: 0,
            log: Vec::new(),
            logged: 0,
            warnings: Vec::new(),
        }
    }

    /// Adds lines to the log, up to the limit.
    fn keep_log(&mut self, lines: Vec<String>) {
        let room = MAX_LOGGED.saturating_sub(self.logged);
        self.logged += lines.len();
        self.log.extend(lines.into_iter().take(room));
    }

    /// The plan that runs.
    pub(super) fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// The set whose rules run, with the `vars` and `env` that they share.
    pub(super) fn current_set(&self) -> &'p crate::plan::Set {
        &self.plan.sets[self.set]
    }

    /// Takes the current set's variables out of their place, or makes them.
    fn take_scope(&mut self) -> Scope<'static> {
        if let Some(scope) = self.scopes[self.set].take() {
            return scope;
        }
        let set = &self.plan.sets[self.set];
        let listed = set.env.iter().filter_map(|name| self.context.env.get_key_value(name));
        let env: Map<String, Value> =
            listed.map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
        scope::scope(&Values {
            task: &self.context.task,
            queue: &self.context.queue,
            providers: &self.context.providers,
            config: &self.context.config,
            env: Arc::new(Value::Object(env)),
            worker: &self.context.worker,
            namespace: &self.context.namespace,
            pod_name: &self.pod_name,
            live: &self.live,
            vars: &set.vars,
        })
    }

    /// Calls `work` with the current set's variables, and with `item` if there is one. With `lend`, the Pod is swapped into
    /// [`LivePod`] meanwhile.
    fn with_scope<T>(
        &mut self,
        pod: &mut Editor,
        lend: bool,
        item: Option<&Pointer>,
        work: impl FnOnce(&Plan, &mut Scope<'static>, &LivePod) -> T,
    ) -> T {
        let mut scope = self.take_scope();
        let variables = scope.len();
        if let Some(item) = item {
            scope.push_dynamic("item", Dynamic::UNIT);
            let handle = Handle::pod(self.live.clone(), item.clone());
            if lend {
                std::mem::swap(&mut *self.live.lock(), pod);
                scope.set_value("item", handle.into_dynamic());
                std::mem::swap(&mut *self.live.lock(), pod);
            }
        }
        if lend {
            std::mem::swap(&mut *self.live.lock(), pod);
        }
        let done = work(self.plan, &mut scope, &self.live);
        if lend {
            std::mem::swap(&mut *self.live.lock(), pod);
        }
        scope.rewind(variables);
        self.scopes[self.set] = Some(scope);
        done
    }

    /// Evaluates an expression; the Pod is lent if the expression reads it.
    ///
    /// # Errors
    /// What failed, at its place in the expression.
    pub(super) fn expression(
        &mut self,
        expression: &Expression,
        pod: &mut Editor,
        item: Option<&Pointer>,
    ) -> Result<Value, Fault> {
        let result = self.with_scope(pod, expression.uses_pod, item, |plan, scope, _| {
            let found = scope::evaluate(plan.language.engine(), scope, &expression.ast);
            // Converted here, because a handle to the Pod can be read only while the Pod is lent.
            found.map(|value| to_value(&value))
        });
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(message)) => Err(failed(expression, &message)),
            Err(error) => {
                let failure = script::failure(&error);
                let mut fault = failed(expression, &failure.message);
                let span = expression.lines.span(expression.source(), failure.position);
                fault.primary = Some(crate::diagnostic::Label { span, text: String::new() });
                if failure.limit {
                    fault.code = Code::LimitExceeded;
                }
                Err(fault)
            }
        }
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// What failed, or a value that is neither true nor false.
    pub(super) fn condition(&mut self, when: &Expression, pod: &mut Editor) -> Result<bool, Fault> {
        match self.expression(when, pod, None)? {
            Value::Bool(b) => Ok(b),
            other => {
                let message =
                    format!("a condition must be true or false, and this is {}", crate::edit::kind_of(&other));
                let mut fault = failed(when, &message);
                fault.help = Some("compare it: task.param(\"Args/scratch\") == \"yes\"".into());
                Err(fault)
            }
        }
    }
}

fn failed(expression: &Expression, message: &str) -> Fault {
    Box::new(Diagnostic::new(Code::ExpressionFailed, message).at(expression.text.span))
}

impl Host for Evaluator<'_> {
    fn hook(&mut self, hook: &Hook, pod: &mut Editor) -> Result<(), Fault> {
        let Some(hooks) = self.hooks else { return Err(hook::refused(hook)) };
        let answer = hooks.call(hook, pod.root(), self.context);
        self.keep_log(answer.log);
        let template = answer.template.map_err(|fault| fault.into_fault(hook))?;
        if !template.is_object() {
            let message = format!("returned a template that is {}, not an object", crate::edit::kind_of(&template));
            return Err(HookFault::new(Code::HookResult, message).into_fault(hook));
        }
        replace::apply(pod, &Pointer::root(), template).map_err(|error| {
            HookFault::new(Code::LimitExceeded, format!("returned too much: {error}")).into_fault(hook)
        })
    }

    fn value(&mut self, value: &ValueExpr, pod: &mut Editor, item: Option<&Pointer>) -> Result<Value, Fault> {
        if let Some(constant) = value.constant() {
            return Ok(constant.clone());
        }
        let span = value.first_span();
        let mut left = scope::MAX_FILLED;
        let mut evaluate = |expression: &Expression| {
            let result = self.expression(expression, pod, item)?;
            left = left.checked_sub(weight(&result)).ok_or_else(|| {
                let mut fault = failed(expression, &Failure::too_large().message);
                fault.code = Code::LimitExceeded;
                fault
            })?;
            Ok(result)
        };
        value.evaluate(&mut evaluate, &|message| {
            let diagnostic = Diagnostic::new(Code::ExpressionFailed, message);
            Box::new(match span {
                Some(span) => diagnostic.at(span),
                None => diagnostic,
            })
        })
    }

    fn script(
        &mut self,
        script: &Script,
        timeout: Option<Duration>,
        pod: &mut Editor,
        item: Option<&Pointer>,
    ) -> Result<bool, Fault> {
        let ran = self.with_scope(pod, true, item, |plan, scope, live| {
            script::run(&plan.language, &script.ast, scope, live, timeout.unwrap_or(SCRIPT_TIMEOUT))
        });
        self.keep_log(ran.log);
        // The warnings of a script's operations have no place of their own; they get the script's.
        self.warnings.extend(ran.warnings.into_iter().map(|warning| warning.at(script.text.span)));
        match ran.end {
            End::Done => Ok(true),
            End::Skipped => Ok(false),
            End::Failed(Failure { message, position, limit }) => {
                let code = if limit { Code::LimitExceeded } else { Code::ScriptFailed };
                Err(Box::new(Diagnostic::new(code, message).at(script.lines.span(&script.text.value, position))))
            }
        }
    }
}

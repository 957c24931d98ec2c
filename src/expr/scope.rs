//! The variables of expressions, and their evaluation.

use super::bounds::{DEFAULT_TIMEOUT, within};
use super::expression::Expression;
use super::failure::{Failure, failure};
use super::from_json::from_value;
use super::handle::{Handle, LivePod};
use super::interpolate::ValueExpr;
use super::to_json::to_value;
use crate::edit::{Pointer, weight};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, NativeCallContext, Position, Scope};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest chain of `vars:` that read each other: each is evaluated on the stack of the one before.
const MAX_CHAIN: usize = 16;
/// The most that the results of the expressions in one value may hold together, in bytes of [`weight`].
pub const MAX_FILLED: usize = 32 << 20;

/// The variables that every expression may read.
pub const VARIABLES: &[&str] =
    &["task", "queue", "pod", "providers", "config", "env", "worker", "namespace", "pod_name", "vars"];

/// A scope with the names only, for the compiler, which would inline a constant's value. With `item`, inside a `forEach`.
pub(super) fn compile_scope(item: bool) -> Scope<'static> {
    let mut scope = Scope::new();
    for name in VARIABLES {
        scope.push(*name, ());
    }
    if item {
        scope.push("item", ());
    }
    scope
}

/// The values of the [`VARIABLES`] for one task and one file of rules.
pub struct Values<'v> {
    /// The task, as ClearML's `tasks.get_by_id` returns it.
    pub task: &'v Arc<Value>,
    /// The queue: an object with `id` and `name`.
    pub queue: &'v Arc<Value>,
    /// What the user's identity provider told ClearML about the user.
    pub providers: &'v Arc<Value>,
    /// The task's configuration.
    pub config: &'v Arc<Value>,
    /// podrules' own environment variables, those that the file lists under `env:`.
    pub env: Arc<Value>,
    /// The worker: an object with `id`.
    pub worker: &'v Arc<Value>,
    /// The namespace that the Pod will be created in.
    pub namespace: &'v str,
    /// The name that the Pod will have.
    pub pod_name: &'v str,
    /// The Pod; empty unless it is lent while an expression reads it.
    pub live: &'v LivePod,
    /// The definitions under the file's `vars:`.
    pub vars: &'v Arc<[(String, ValueExpr)]>,
}

/// Makes the scope for one file's expressions and one task.
pub fn scope(values: &Values<'_>) -> Scope<'static> {
    let mut scope = Scope::new();
    let data = |value: &Arc<Value>| Dynamic::from(Handle::data(Arc::clone(value)));
    scope.push_dynamic("task", data(values.task));
    scope.push_dynamic("queue", data(values.queue));
    scope.push_dynamic("pod", Dynamic::from(Handle::pod(values.live.clone(), Pointer::root())));
    scope.push_dynamic("providers", data(values.providers));
    scope.push_dynamic("config", data(values.config));
    scope.push_dynamic("env", data(&values.env));
    scope.push_dynamic("worker", data(values.worker));
    scope.push("namespace", ImmutableString::from(values.namespace));
    scope.push("pod_name", ImmutableString::from(values.pod_name));
    let vars = Vars { scope: Arc::new(scope.clone()), definitions: Arc::clone(values.vars), cells: Arc::default() };
    scope.push("vars", vars);
    scope
}

/// A file's `vars:` for one task. Each is evaluated on first use, and its value kept.
#[derive(Clone)]
struct Vars {
    scope: Arc<Scope<'static>>,
    definitions: Arc<[(String, ValueExpr)]>,
    cells: Arc<Mutex<Vec<(ImmutableString, Cell)>>>,
}

/// The state of one of the `vars:` that was read.
#[derive(Clone)]
enum Cell {
    Evaluating,
    Done(Dynamic),
}

impl Vars {
    fn get(&self, engine: &Engine, name: &ImmutableString) -> Result<Dynamic, Box<EvalAltResult>> {
        let Some((_, definition)) = self.definitions.iter().find(|(n, _)| n == name.as_str()) else {
            return Ok(Dynamic::UNIT);
        };
        let lock = || self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().iter().find(|(n, _)| n == name).map(|(_, cell)| cell.clone());
        match kept {
            Some(Cell::Done(value)) => return Ok(value),
            Some(Cell::Evaluating) => return Err(format!("vars.{name} depends on itself").into()),
            None => lock().push((name.clone(), Cell::Evaluating)),
        }
        let evaluating = lock().iter().filter(|(_, cell)| matches!(cell, Cell::Evaluating)).count();
        if evaluating > MAX_CHAIN {
            lock().retain(|(n, _)| n != name);
            let message = format!("more than {MAX_CHAIN} vars depend on each other in a chain");
            return Err(Box::new(EvalAltResult::ErrorTerminated(message.into(), Position::NONE)));
        }
        let mut scope = self.scope.as_ref().clone();
        scope.push("vars", self.clone());
        let mut left = MAX_FILLED;
        let mut result_of = |expression: &Expression| {
            let result = evaluate(engine, &mut scope, &expression.ast).map_err(|error| failure(&error))?;
            let value = to_value(&result).map_err(Failure::mistake)?;
            left = left.checked_sub(weight(&value)).ok_or_else(Failure::too_large)?;
            Ok(value)
        };
        let evaluated = definition.evaluate(&mut result_of, &Failure::mistake);
        let mut cells = lock();
        cells.retain(|(n, _)| n != name);
        let value = evaluated.map_err(|failure: Failure| {
            let message = format!("vars.{name}: {}", failure.message);
            match failure.limit {
                true => Box::new(EvalAltResult::ErrorTerminated(message.into(), Position::NONE)),
                false => message.into(),
            }
        })?;
        let value = match value {
            Value::Array(_) | Value::Object(_) => Dynamic::from(Handle::data(Arc::new(value))),
            scalar => from_value(&scalar),
        };
        cells.push((name.clone(), Cell::Done(value.clone())));
        Ok(value)
    }
}

/// Evaluates a syntax tree; the scope is left as it was.
///
/// # Errors
/// Rhai's error, also if a limit was exceeded: an expression may run for 5 seconds.
pub fn evaluate(engine: &Engine, scope: &mut Scope<'static>, ast: &rhai::AST) -> Result<Dynamic, Box<EvalAltResult>> {
    let (result, bound) = within(DEFAULT_TIMEOUT, || {
        let variables = scope.len();
        let result = engine.eval_ast_with_scope::<Dynamic>(scope, ast);
        scope.rewind(variables);
        result
    });
    match (result, bound) {
        (Ok(_), Some(bound)) => Err(bound.error()),
        (result, _) => result,
    }
}

/// Registers reading of `vars.NAME`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Vars>("vars").register_indexer_get(
        |context: NativeCallContext<'_>, vars: &mut Vars, name: ImmutableString| vars.get(context.engine(), &name),
    );
}

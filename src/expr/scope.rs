//! The variables of expressions, made once a task.

use super::bounds::within;
use super::compile::Expression;
use super::convert::from_value;
use super::engine::DEFAULT_TIMEOUT;
use super::interpolate::ValueExpr;
use super::json::{Json, Live};
use super::script::Failure;
use crate::edit::{Pointer, weight};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, NativeCallContext, Position, Scope};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// `vars:` that need one another: each is worked out on the stack of the one before.
const MAX_CHAIN: usize = 16;
/// How much the expressions in one value may bring in, in bytes of [`weight`].
pub const MAX_FILLED: usize = 32 << 20;

/// The variables that are always there.
pub const VARIABLES: &[&str] =
    &["task", "queue", "pod", "providers", "config", "env", "worker", "namespace", "pod_name", "vars"];

/// A scope that holds the names only, for the compiler: a value there would be taken for a constant.
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

/// What the variables are made of.
pub struct Values<'v> {
    /// The task, as `tasks.get_by_id` returns it.
    pub task: &'v Arc<Value>,
    /// The queue: `id` and `name`.
    pub queue: &'v Arc<Value>,
    /// Providers' information on the user.
    pub providers: &'v Arc<Value>,
    /// The task's configuration.
    pub config: &'v Arc<Value>,
    /// The environment variables that the file lists.
    pub env: Arc<Value>,
    /// The worker: `id`.
    pub worker: &'v Arc<Value>,
    /// The Pod's namespace.
    pub namespace: &'v str,
    /// The Pod's name.
    pub pod_name: &'v str,
    /// The live Pod.
    pub live: &'v Live,
    /// The file's `vars:`.
    pub vars: &'v Arc<[(String, ValueExpr)]>,
}

/// Makes the scope of one file's expressions for one task.
pub fn scope(values: &Values<'_>) -> Scope<'static> {
    let mut scope = Scope::new();
    let data = |value: &Arc<Value>| Dynamic::from(Json::data(Arc::clone(value)));
    scope.push_dynamic("task", data(values.task));
    scope.push_dynamic("queue", data(values.queue));
    scope.push_dynamic("pod", Dynamic::from(Json::pod(values.live.clone(), Pointer::root())));
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

/// A file's `vars:` for one task: each is worked out on first use, and kept.
#[derive(Clone)]
struct Vars {
    scope: Arc<Scope<'static>>,
    definitions: Arc<[(String, ValueExpr)]>,
    cells: Arc<Mutex<Vec<(ImmutableString, Cell)>>>,
}

#[derive(Clone)]
enum Cell {
    AtWork,
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
            Some(Cell::AtWork) => return Err(format!("vars.{name} needs itself").into()),
            None => lock().push((name.clone(), Cell::AtWork)),
        }
        let at_work = lock().iter().filter(|(_, cell)| matches!(cell, Cell::AtWork)).count();
        if at_work > MAX_CHAIN {
            lock().retain(|(n, _)| n != name);
            let message = format!("vars need one another over more than {MAX_CHAIN} steps");
            return Err(Box::new(EvalAltResult::ErrorTerminated(message.into(), Position::NONE)));
        }
        let mut scope = self.scope.as_ref().clone();
        scope.push("vars", self.clone());
        let mut left = MAX_FILLED;
        let mut work_out = |expression: &Expression| {
            let result =
                evaluate(engine, &mut scope, &expression.ast).map_err(|error| super::script::failure(&error))?;
            let value = super::convert::to_value(&result).map_err(Failure::mistake)?;
            left = left.checked_sub(weight(&value)).ok_or_else(Failure::too_large)?;
            Ok(value)
        };
        let worked_out = definition.fill(&mut work_out, &Failure::mistake);
        let mut cells = lock();
        cells.retain(|(n, _)| n != name);
        let value = worked_out.map_err(|failure: Failure| {
            let message = format!("vars.{name}: {}", failure.message);
            match failure.limit {
                true => Box::new(EvalAltResult::ErrorTerminated(message.into(), Position::NONE)),
                false => message.into(),
            }
        })?;
        let value = match value {
            Value::Array(_) | Value::Object(_) => Dynamic::from(Json::data(Arc::new(value))),
            scalar => from_value(&scalar),
        };
        cells.push((name.clone(), Cell::Done(value.clone())));
        Ok(value)
    }
}

/// Evaluates a syntax tree within the time an expression has.
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

/// Registers `vars.NAME`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Vars>("vars").register_indexer_get(
        |context: NativeCallContext<'_>, vars: &mut Vars, name: ImmutableString| vars.get(context.engine(), &name),
    );
}

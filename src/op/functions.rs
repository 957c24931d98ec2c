//! Each operation as a function of scripts: `set_env("A", "b")`, or with all its keys, `set_env(#{vars: #{A: "b"}})`.
//!
//! What a script passes is data: `${ }` in it is not an expression.

use super::compiler::{Compiler, Descriptor};
use super::context::{Host, OpContext};
use super::env_index::EnvIndex;
use super::registry::ALL;
use crate::diagnostic::{Code, Diagnostics, Fault, Sources, Span, fault};
use crate::edit::{Editor, Pointer};
use crate::expr::{Language, Names, Script, ValueExpr, script, to_value};
use crate::hook::Hook;
use crate::source::Node;
use rhai::{Dynamic, Engine, EvalAltResult};
use serde_json::{Map, Value};
use std::time::Duration;

type Fallible = Result<(), Box<EvalAltResult>>;

/// The expression language, with the operations as functions.
pub fn language() -> Language {
    Language::new(register)
}

fn register(engine: &mut Engine) {
    for operation in ALL {
        let Some((name, keys)) = operation.function else { continue };
        engine.register_fn(name, move |a: Dynamic| call(operation, keys, &[a]));
        engine.register_fn(name, move |a: Dynamic, b: Dynamic| call(operation, keys, &[a, b]));
        if keys.len() >= 3 {
            engine.register_fn(name, move |a: Dynamic, b: Dynamic, c: Dynamic| call(operation, keys, &[a, b, c]));
        }
    }
}

fn call(operation: &'static Descriptor, keys: &[&str], arguments: &[Dynamic]) -> Fallible {
    let values = arguments.iter().map(to_value).collect::<Result<Vec<_>, _>>()?;
    let params = params(operation, keys, values)?;
    let Some(live) = script::live() else {
        return Err("only a `script` can change the Pod".into());
    };
    let (sources, mut found) = (Sources::new(), Diagnostics::new());
    let mut compiler = Compiler {
        sources: &sources,
        found: &mut found,
        language: None,
        names: Names::default(),
        span: Span::NOWHERE,
        hooks: Vec::new(),
        operations: ALL,
    };
    let compiled = (operation.compile)(&Node::made(&params, Span::NOWHERE), &mut compiler);
    let Some(compiled) = compiled.filter(|_| !found.has_errors()) else {
        let messages = found.iter().map(|d| match &d.help {
            Some(help) => format!("{} ({help})", d.message),
            None => d.message.clone(),
        });
        return Err(messages.collect::<Vec<_>>().join("; ").into());
    };
    let mut warnings = Vec::new();
    let mut editor = live.lock();
    let mark = editor.mark();
    let mut cx = OpContext {
        pod: &mut editor,
        item: None,
        host: &mut Constants,
        warnings: &mut warnings,
        env: &mut EnvIndex::default(),
        skipped: false,
    };
    let done = compiled.apply(&mut cx);
    if done.is_err() {
        // A script may catch the error and go on; it must not see a half-applied operation.
        editor.rollback(mark);
    }
    drop(editor);
    script::warn(warnings);
    if done.as_ref().is_err_and(|fault| fault.code == Code::LimitExceeded) {
        script::end_for_size();
    }
    done.map_err(|fault| match fault.help {
        Some(help) => format!("{} ({help})", fault.message).into(),
        None => fault.message.into(),
    })
}

/// The parameters of a call: a single object whose keys are all parameters, or positional arguments for `keys`.
fn params(operation: &Descriptor, keys: &[&str], mut values: Vec<Value>) -> Result<Value, String> {
    if let [Value::Object(map)] = values.as_slice()
        && !map.is_empty()
        && map.keys().all(|key| operation.keys.contains(&key.as_str()))
    {
        return Ok(values.remove(0));
    }
    // `set_env("NAME", value)`: a name and a value where the operation takes a map of them.
    if let ([key], [Value::String(name), value]) = (keys, values.as_slice()) {
        let entry = Map::from_iter([(name.clone(), value.clone())]);
        return Ok(Value::Object(Map::from_iter([((*key).to_owned(), Value::Object(entry))])));
    }
    if values.len() > keys.len() {
        return Err(format!("too many arguments: it takes {}", keys.join(", ")));
    }
    Ok(Value::Object(keys.iter().map(|key| (*key).to_owned()).zip(values).collect()))
}

/// A host for values without expressions.
struct Constants;

impl Host for Constants {
    fn value(&mut self, template: &ValueExpr, _: &mut Editor, _: Option<&Pointer>) -> Result<Value, Fault> {
        let constant = template.constant().cloned();
        constant.ok_or_else(|| fault(Code::ExpressionFailed, "an expression in a value from a script", Span::NOWHERE))
    }

    fn script(
        &mut self,
        script: &Script,
        _: Option<Duration>,
        _: &mut Editor,
        _: Option<&Pointer>,
    ) -> Result<bool, Fault> {
        Err(fault(Code::Unsupported, "a script can't run another", script.text.span))
    }

    fn hook(&mut self, hook: &Hook, _: &mut Editor) -> Result<(), Fault> {
        Err(fault(Code::Unsupported, "a script can't call a Python hook", hook.span))
    }
}

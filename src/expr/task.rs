//! `task.param("Section/name", default)`: hyperparameters, which ClearML stores as strings.

use super::handle::Handle;
use super::to_json::to_value;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString};
use serde_json::Value;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Registers `param`.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("param", |task: &mut Handle, name: ImmutableString| read(task, &name, &Dynamic::UNIT))
        .register_fn("param", |task: &mut Handle, name: ImmutableString, default: Dynamic| read(task, &name, &default));
}

/// A hyperparameter, converted to the default's type; the default if the task doesn't have it.
fn read(task: &Handle, name: &str, default: &Dynamic) -> Fallible<Dynamic> {
    let Some((section, key)) = name.split_once('/') else {
        return Err(format!(
            "`{name}` is not the name of a hyperparameter: write \"Section/name\", such as \"Args/gpus\""
        )
        .into());
    };
    let stored = task.with(|task| {
        let value = task.get("hyperparams")?.get(section)?.get(key)?.get("value")?;
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    });
    match stored {
        None => Ok(default.clone()),
        Some(text) => convert(name, text, default),
    }
}

fn convert(name: &str, text: String, default: &Dynamic) -> Fallible<Dynamic> {
    if default.is_unit() || default.is_string() {
        return Ok(Dynamic::from(ImmutableString::from(text)));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(default.clone());
    }
    let (wanted, converted) = if default.is_int() {
        ("an integer", trimmed.parse().ok().map(Dynamic::from_int))
    } else if default.is_float() {
        ("a number", trimmed.parse::<f64>().ok().filter(|f| f.is_finite()).map(Dynamic::from_float))
    } else if default.is_bool() {
        ("true or false", boolean(trimmed).map(Dynamic::from_bool))
    } else {
        let kind = to_value(default).map_or(default.type_name(), |v| crate::edit::kind_of(&v));
        return Err(format!(
            "the default of `{name}` is {kind}, but a hyperparameter is a string, a number or a boolean"
        )
        .into());
    };
    converted.ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        format!("the task's hyperparameter `{name}` is \"{shown}\", which is not {wanted}").into()
    })
}

/// Reads the words for true and false that Python, YAML and people write.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

//! Reads a task as ClearML's API returns it.

use crate::diagnostic::{Code, Diagnostic};
use crate::edit::kind_of;
use serde_json::Value;

/// Extracts the task from what a user saved of the API's response: the task alone, or the response of `tasks.get_by_id` or
/// of a `tasks.get_all` that found one task, with or without the envelope.
///
/// # Errors
/// Why it isn't exactly one task with an id.
pub fn task(value: Value) -> Result<Value, Diagnostic> {
    let mut value = value;
    if let Some(code) = value.pointer("/meta/result_code").and_then(Value::as_u64).filter(|code| *code != 200) {
        let why = value.pointer("/meta/result_msg").and_then(Value::as_str).unwrap_or("no reason given");
        return Err(refuse(format!("ClearML answered with an error, not with a task: {code}, {why}")));
    }
    if value.get("id").is_none_or(Value::is_object) {
        value = unwrap(value, "data");
        value = unwrap(value, "task");
    }
    if let Some(list) = value.get_mut("tasks").and_then(Value::as_array_mut) {
        match list.len() {
            1 => value = list.swap_remove(0),
            0 => return Err(refuse("ClearML found no task: the list of tasks is empty")),
            n => return Err(refuse(format!("this contains {n} tasks; expected one")).help("save one task by its id")),
        }
    }
    match value.get("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(value),
        Some(id) if !value.is_null() => {
            Err(refuse(format!("a task's `id` must be a non-empty string; here it is {}", wrong_id(id))))
        }
        _ => Err(refuse(match &value {
            Value::Object(_) => "this object has no `id`, so it is not a task".to_owned(),
            other => format!("a task must be an object, not {}", kind_of(other)),
        })
        .help("save the answer of tasks.get_by_id, or its data.task")),
    }
}

fn unwrap(value: Value, key: &str) -> Value {
    match value {
        Value::Object(mut map) if map.get(key).is_some_and(Value::is_object) => {
            map.shift_remove(key).unwrap_or(Value::Null)
        }
        other => other,
    }
}

fn wrong_id(id: &Value) -> &'static str {
    if id.is_string() { "empty" } else { kind_of(id) }
}

fn refuse(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::Input, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_task_is_found_in_every_envelope() {
        let bare = json!({"id": "abc", "name": "n", "data": {"task": {"id": "other"}}});
        for answer in [
            bare.clone(),
            json!({"meta": {"result_code": 200}, "data": {"task": bare}}),
            json!({"data": {"task": bare}}),
            json!({"task": bare}),
            json!({"meta": {"id": "call"}, "data": {"tasks": [bare]}}),
            json!({"tasks": [bare]}),
        ] {
            assert_eq!(task(answer).unwrap(), bare);
        }
    }

    #[test]
    fn anything_else_is_reported() {
        for (value, wanted) in [
            (json!(null), "a task must be an object, not null"),
            (json!([1]), "a task must be an object, not a list"),
            (json!("abc"), "a task must be an object, not a string"),
            (json!({}), "this object has no `id`, so it is not a task"),
            (json!({"data": {}}), "this object has no `id`, so it is not a task"),
            (json!({"id": 5}), "a task's `id` must be a non-empty string; here it is a number"),
            (json!({"id": ""}), "a task's `id` must be a non-empty string; here it is empty"),
            (json!({"data": {"tasks": []}}), "ClearML found no task: the list of tasks is empty"),
            (json!({"data": {"tasks": [{"id": "a"}, {"id": "b"}]}}), "this contains 2 tasks; expected one"),
            (
                json!({"meta": {"result_code": 400, "result_msg": "Invalid task id"}, "data": {}}),
                "ClearML answered with an error, not with a task: 400, Invalid task id",
            ),
        ] {
            assert_eq!(task(value.clone()).unwrap_err().message, wanted, "{value}");
        }
    }
}

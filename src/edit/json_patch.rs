//! JSON Patch ([RFC 6902](https://www.rfc-editor.org/rfc/rfc6902)): all operations of a patch, or none.

use super::{Editor, Pointer, elements, kind_of};
use crate::diagnostic::did_you_mean;
use crate::text::shortened;
use serde_json::{Number, Value};
use smol_str::SmolStr;
use std::cmp::Ordering;

/// The most nodes that a patch may copy: copies of copies would grow without limit.
const MOST_COPIED: usize = 1_000_000;
/// The deepest nesting that a patch may make: as deep as JSON is read.
const DEEPEST: usize = 128;

/// One operation of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchOp {
    kind: Kind,
    path: Place,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Add(Value),
    Remove,
    Replace(Value),
    Move(Place),
    Copy(Place),
    Test(Value),
}

/// A JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)). What its tokens mean, keys or indexes,
/// depends on the document.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    text: SmolStr,
    tokens: Vec<SmolStr>,
}

const OPS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

/// Reads a patch.
///
/// # Errors
/// The index of the first operation that is wrong, and what is wrong with it.
pub fn parse(ops: &Value) -> Result<Vec<PatchOp>, (usize, String)> {
    let Value::Array(ops) = ops else {
        return Err((0, format!("a JSON Patch must be a list of operations, not {}", kind_of(ops))));
    };
    ops.iter().enumerate().map(|(index, op)| parse_op(op).map_err(|why| (index, why))).collect()
}

fn parse_op(op: &Value) -> Result<PatchOp, String> {
    let Value::Object(members) = op else {
        return Err(format!("an operation must be an object, not {}", kind_of(op)));
    };
    let name = match members.get("op") {
        Some(Value::String(name)) => name.as_str(),
        Some(other) => return Err(format!("op is {}, not a string", kind_of(other))),
        None => return Err(format!("op is missing; it is one of {}", OPS.join(", "))),
    };
    let place = |member: &str| match members.get(member) {
        Some(Value::String(text)) => Place::parse(text).map_err(|why| format!("{member}: {why}")),
        Some(other) => Err(format!("{member} is {}, not a string", kind_of(other))),
        None => Err(format!("{name} needs {member}")),
    };
    let value = || members.get("value").cloned().ok_or_else(|| format!("{name} needs value"));
    let kind = match name {
        "add" => Kind::Add(value()?),
        "remove" => Kind::Remove,
        "replace" => Kind::Replace(value()?),
        "move" => Kind::Move(place("from")?),
        "copy" => Kind::Copy(place("from")?),
        "test" => Kind::Test(value()?),
        other => {
            let hint = did_you_mean(other, OPS).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(format!("there is no operation '{other}'{hint}"));
        }
    };
    let path = place("path")?;
    if let Kind::Move(from) = &kind
        && path.tokens.len() > from.tokens.len()
        && path.tokens.starts_with(&from.tokens)
    {
        return Err(format!("{from} can't be moved into itself, to {path}"));
    }
    Ok(PatchOp { kind, path })
}

/// Applies a patch to the value at `base`: all of it, or nothing.
///
/// # Errors
/// The index of the first operation that failed, and why it failed.
pub fn apply(editor: &mut Editor, base: &Pointer, ops: &[PatchOp]) -> Result<(), (usize, String)> {
    let mark = editor.mark();
    let mut left = MOST_COPIED;
    for (index, op) in ops.iter().enumerate() {
        if let Err(why) = apply_op(editor, base, op, &mut left) {
            editor.rollback(mark);
            return Err((index, why));
        }
    }
    Ok(())
}

fn apply_op(editor: &mut Editor, base: &Pointer, op: &PatchOp, left: &mut usize) -> Result<(), String> {
    let path = &op.path;
    match &op.kind {
        Kind::Add(value) => add(editor, base, path, value.clone()),
        Kind::Remove => {
            let at = path.existing(editor, base)?;
            editor.remove(&at).map_err(|error| error.to_string())
        }
        Kind::Replace(value) => {
            let at = path.existing(editor, base)?;
            fits(&at, value, path)?;
            editor.set(&at, value.clone()).map_err(|error| error.to_string())
        }
        Kind::Test(value) => {
            let at = path.existing(editor, base)?;
            match editor.get(&at) {
                Some(found) if equal(found, value) => Ok(()),
                Some(found) => Err(format!("{path} is {}, not {}", shown(found), shown(value))),
                None => Err(format!("{path} does not exist")),
            }
        }
        Kind::Copy(from) => {
            let value = taken(editor, base, from, left)?;
            add(editor, base, path, value)
        }
        Kind::Move(from) => {
            let at = from.existing(editor, base)?;
            if from.tokens == path.tokens {
                return Ok(());
            }
            let value = taken(editor, base, from, left)?;
            editor.remove(&at).map_err(|error| error.to_string())?;
            add(editor, base, path, value)
        }
    }
}

fn add(editor: &mut Editor, base: &Pointer, path: &Place, value: Value) -> Result<(), String> {
    let at = path.target(editor, base)?;
    fits(&at, &value, path)?;
    let into_list = at.parent().filter(|_| at != *base).filter(|list| editor.get(list).is_some_and(Value::is_array));
    let done = match (into_list, at.split_last()) {
        (Some(list), Some((super::Step::Index(index), _))) => editor.insert(&list, *index, value),
        _ => editor.set(&at, value),
    };
    done.map_err(|error| error.to_string())
}

/// A copy of the value at `from`, counted against the limit.
fn taken(editor: &Editor, base: &Pointer, from: &Place, left: &mut usize) -> Result<Value, String> {
    let at = from.existing(editor, base)?;
    let value = editor.get(&at).ok_or_else(|| format!("{from} does not exist"))?;
    *left =
        left.checked_sub(weight(value)).ok_or_else(|| format!("the patch copies more than {MOST_COPIED} values"))?;
    Ok(value.clone())
}

fn fits(at: &Pointer, value: &Value, path: &Place) -> Result<(), String> {
    if at.steps().len() + depth(value) > DEEPEST {
        return Err(format!("{path} would be nested deeper than {DEEPEST} levels"));
    }
    Ok(())
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(weight).sum::<usize>(),
        _ => 1,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A value as JSON for a message, shortened to 80 characters.
fn shown(value: &Value) -> String {
    shortened(value.to_string(), 80)
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        let tokens = match text.strip_prefix('/') {
            _ if text.is_empty() => Vec::new(),
            None => {
                return Err(format!(
                    "'{text}' is not a JSON Pointer: a pointer begins with /, as in /spec/containers/0"
                ));
            }
            Some(rest) => rest.split('/').map(unescape).collect::<Result<_, _>>()?,
        };
        Ok(Place { text: SmolStr::new(text), tokens })
    }

    /// The place in the document; an error if it doesn't exist.
    fn existing(&self, editor: &Editor, base: &Pointer) -> Result<Pointer, String> {
        self.walk(editor, base, self.tokens.len()).map(|(at, _)| at)
    }

    /// The place where a value can be added: its parent must exist.
    fn target(&self, editor: &Editor, base: &Pointer) -> Result<Pointer, String> {
        let Some((last, parents)) = self.tokens.split_last() else { return Ok(base.clone()) };
        let (at, parent) = self.walk(editor, base, parents.len())?;
        match parent {
            Value::Object(_) => Ok(at.child(last.as_str())),
            Value::Array(list) if last == "-" => Ok(at.child(list.len())),
            Value::Array(list) => match index(last)? {
                index if index <= list.len() => Ok(at.child(index)),
                index => {
                    Err(format!("{self}: {index} is past the end of the list, which has {}", elements(list.len())))
                }
            },
            other => Err(format!("{} is {}, not an object or a list", self.prefix(parents.len()), kind_of(other))),
        }
    }

    fn walk<'e>(&self, editor: &'e Editor, base: &Pointer, count: usize) -> Result<(Pointer, &'e Value), String> {
        let mut at = base.clone();
        let mut here = editor.get(base).ok_or_else(|| format!("{base} does not exist"))?;
        for (done, token) in self.tokens.iter().take(count).enumerate() {
            let missing = || format!("{} does not exist", self.prefix(done + 1));
            here = match here {
                Value::Object(map) => {
                    at.push(token.as_str());
                    map.get(token.as_str()).ok_or_else(missing)?
                }
                Value::Array(_) if token == "-" => return Err(missing()),
                Value::Array(list) => {
                    let index = index(token)?;
                    at.push(index);
                    list.get(index).ok_or_else(missing)?
                }
                other => {
                    return Err(format!("{} is {}, not an object or a list", self.prefix(done), kind_of(other)));
                }
            };
        }
        Ok((at, here))
    }

    /// The text of the first `count` tokens.
    fn prefix(&self, count: usize) -> String {
        if count == 0 {
            return "the value".to_owned();
        }
        self.text.split('/').take(count + 1).collect::<Vec<_>>().join("/")
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.text.is_empty() { "the value" } else { &self.text })
    }
}

fn unescape(token: &str) -> Result<SmolStr, String> {
    let mut parts = token.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push(match part.bytes().next() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return Err(format!("in '{token}', a ~ is written ~0 and a / is written ~1")),
        });
        out.push_str(&part[1..]);
    }
    Ok(SmolStr::from(out))
}

fn index(token: &str) -> Result<usize, String> {
    let plain = token.bytes().all(|b| b.is_ascii_digit()) && (token.len() == 1 || !token.starts_with('0'));
    let parsed = if plain { token.parse().ok() } else { None };
    parsed.ok_or_else(|| format!("'{token}' is not a list index"))
}

/// Equality as JSON Patch and JSONPath define it: numbers by value, so that 1 equals 1.0, and objects in any order.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Compares two numbers: exactly if both are integers, otherwise as floating point. `None` if they can't be compared.
pub fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    let int = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (int(left), int(right)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

//! The functions of expressions and scripts that don't use the Pod.

use super::to_json::to_value;
use crate::pattern;
use crate::pod::names;
use crate::pod::quantity::Quantity;
use base64::Engine as _;
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// The most patterns that a thread keeps compiled, so that patterns built from tasks' texts can't fill the memory.
const KEPT_PATTERNS: usize = 32;
/// The most bytes of a compiled pattern.
const PATTERN_BYTES: usize = 256 << 10;

thread_local! {
    static PATTERNS: RefCell<HashMap<(bool, String), regex::Regex>> = RefCell::new(HashMap::new());
}

/// The text of a value: empty if it is missing, JSON for anything but a string.
fn text(value: &Dynamic) -> Fallible<String> {
    Ok(match to_value(value)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(s) => s,
        other => other.to_string(),
    })
}

fn with_pattern<T>(glob: bool, pattern: &str, use_it: impl FnOnce(&regex::Regex) -> T) -> Fallible<T> {
    PATTERNS.with_borrow_mut(|kept| {
        let key = (glob, pattern.to_owned());
        if !kept.contains_key(&key) {
            let source = if glob { glob_regex(pattern)? } else { pattern.to_owned() };
            let compiled = regex::RegexBuilder::new(&source).size_limit(PATTERN_BYTES).build();
            let compiled =
                compiled.map_err(|error| format!("`{pattern}` is not a valid regular expression: {error}"))?;
            if kept.len() >= KEPT_PATTERNS {
                kept.clear();
            }
            kept.insert(key.clone(), compiled);
        }
        kept.get(&key).map(use_it).ok_or_else(|| "the pattern was lost".into())
    })
}

fn glob_regex(pattern: &str) -> Fallible<String> {
    pattern::glob_source(pattern).map_err(|why| format!("`{pattern}` is not a valid glob: {why}").into())
}

/// The SHA-256 of a text, in hexadecimal.
fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// Registers `replace` for strings and characters. Each of Rhai's own forms is overridden, because they change the string
/// in place, and build the result before they check its size.
fn register_replace(engine: &mut Engine) {
    fn replaced(text: &str, from: &str, to: &str) -> Fallible<String> {
        let grown = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
        if from.is_empty() || grown > 1 << 20 {
            return Err("`replace` needs a text to search for, and a result of at most 1 MiB".into());
        }
        Ok(text.replace(from, to))
    }
    type Text = ImmutableString;
    engine
        .register_fn("replace", |v: Text, from: Text, to: Text| replaced(&v, &from, &to))
        .register_fn("replace", |v: Text, from: Text, to: char| replaced(&v, &from, &to.to_string()))
        .register_fn("replace", |v: Text, from: char, to: Text| replaced(&v, &from.to_string(), &to))
        .register_fn("replace", |v: Text, from: char, to: char| replaced(&v, &from.to_string(), &to.to_string()))
        .register_fn("replace", |v: Dynamic, from: Text, to: Text| replaced(&text(&v)?, &from, &to))
        .register_fn("trim", |v: Text| v.trim().to_owned());
}

/// Registers the functions.
pub(super) fn register(engine: &mut Engine) {
    register_replace(engine);
    engine
        .register_fn("label", |v: Dynamic| text(&v).map(|s| names::label_value(&s)))
        .register_fn("dns", |v: Dynamic| text(&v).map(|s| names::dns_label(&s)))
        .register_fn("glob", |v: Dynamic, pattern: ImmutableString| {
            let text = text(&v)?;
            with_pattern(true, &pattern, |regex| regex.is_match(&text))
        })
        .register_fn("matches", |v: Dynamic, pattern: ImmutableString| {
            let text = text(&v)?;
            with_pattern(false, &pattern, |regex| regex.is_match(&text))
        })
        .register_fn("hash", |v: Dynamic| text(&v).map(|s| sha256(&s)))
        .register_fn("base64", |v: Dynamic| text(&v).map(|s| base64::engine::general_purpose::STANDARD.encode(s)))
        .register_fn("json", |v: Dynamic| -> Fallible<String> { Ok(to_value(&v)?.to_string()) })
        .register_fn("lower", |v: Dynamic| text(&v).map(|s| s.to_lowercase()))
        .register_fn("upper", |v: Dynamic| text(&v).map(|s| s.to_uppercase()))
        .register_fn("trim", |v: Dynamic| text(&v).map(|s| s.trim().to_owned()))
        .register_fn("split", |v: Dynamic, by: ImmutableString| -> Fallible<Array> {
            let text = text(&v)?;
            if by.is_empty() {
                return Err("`split` needs a separator that isn't empty".into());
            }
            Ok(text.split(by.as_str()).map(|part| Dynamic::from(part.to_owned())).collect())
        })
        .register_type_with_name::<Quantity>("quantity")
        .register_fn("quantity", |v: Dynamic| -> Fallible<Quantity> {
            let text = text(&v)?;
            Quantity::parse(&text).map_err(|error| format!("`{text}` is not a quantity: {error}").into())
        })
        .register_fn("to_string", |q: &mut Quantity| q.to_string())
        .register_fn("to_debug", |q: &mut Quantity| q.to_string());
    macro_rules! compare {
        ($($op:literal $method:ident),*) => {
            $( engine.register_fn($op, |a: Quantity, b: Quantity| {
                PartialOrd::$method(&a, &b)
            }); )*
        };
    }
    compare!("<" lt, "<=" le, ">" gt, ">=" ge);
    engine.register_fn("==", |a: Quantity, b: Quantity| a == b);
    engine.register_fn("!=", |a: Quantity, b: Quantity| a != b);
}

//! ClearML's own strings in a template: `${CLEARML_TASK.name:none|lower}`.
//!
//! What each means, and where clearml-agent 3.0.3 differs, is in docs/clearml-strings.md.

use crate::diagnostic::{Code, Diagnostic};
use crate::edit::{Editor, Pointer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The values that the strings can refer to.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The task, as ClearML's `tasks.get_by_id` returns it.
    pub task: &'a Value,
    /// The queue's id.
    pub queue_id: &'a str,
    /// The queue's name.
    pub queue_name: &'a str,
    /// The agent's worker id.
    pub worker_id: &'a str,
    /// The name of the task's project, if known: the task has only its id.
    pub project_name: Option<&'a str>,
    /// What the user's identity provider told ClearML.
    pub providers: &'a Value,
    /// The task's configuration.
    pub config: &'a Value,
    /// The user's vaults, if known.
    pub user_vaults: Option<&'a Value>,
    /// The user, as ClearML's `users.get_current_user` returns it, if known.
    pub user: Option<&'a Value>,
}

/// The most bytes that resolved values may add to a document; Kubernetes accepts no object of nearly that size.
const MOST_ADDED: usize = 8 << 20;

/// Collects every `${CLEARML_…}` in the strings and keys of a template, as written.
pub fn tokens(template: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(template, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(Tokens::of(text).map(|token| token.text.to_owned())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                found.extend(Tokens::of(key).map(|token| token.text.to_owned()));
                collect(value, found);
            }
        }
        _ => {}
    }
}

/// Replaces `tokens` wherever they are in the document's strings; keys are left alone. A token without a value stays as it
/// is. The values are data and aren't scanned again.
///
/// # Errors
/// If the document would become too large.
pub fn resolve(editor: &mut Editor, tokens: &BTreeSet<String>, scope: &Scope) -> Result<(), Diagnostic> {
    if tokens.is_empty() {
        return Ok(());
    }
    let mut work = Work { tokens, scope, added: 0, edits: Vec::new() };
    work.walk(editor.root(), &mut Pointer::root())?;
    for (at, text) in work.edits {
        editor.set(&at, Value::String(text)).map_err(|e| Diagnostic::new(Code::OperationFailed, e.to_string()))?;
    }
    Ok(())
}

struct Work<'w> {
    tokens: &'w BTreeSet<String>,
    scope: &'w Scope<'w>,
    added: usize,
    edits: Vec<(Pointer, String)>,
}

impl Work<'_> {
    fn walk(&mut self, value: &Value, at: &mut Pointer) -> Result<(), Diagnostic> {
        match value {
            Value::String(text) => {
                if let Some(resolved) = self.resolved(text)? {
                    self.edits.push((at.clone(), resolved));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    at.push(index);
                    self.walk(item, at)?;
                    at.pop();
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    at.push(key.as_str());
                    self.walk(value, at)?;
                    at.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The text with its tokens replaced; `None` if no token has a value.
    fn resolved(&mut self, text: &str) -> Result<Option<String>, Diagnostic> {
        let mut out: Option<String> = None;
        let mut done = 0;
        for token in Tokens::of(text).filter(|token| self.tokens.contains(token.text)) {
            let Some(value) = self.scope.value(&token) else { continue };
            self.added += value.len();
            if self.added > MOST_ADDED {
                let what = format!("`{}` would make the Pod larger than Kubernetes allows", token.text);
                return Err(Diagnostic::new(Code::LimitExceeded, what));
            }
            let out = out.get_or_insert_default();
            out.push_str(&text[done..token.start]);
            out.push_str(&value);
            done = token.start + token.text.len();
        }
        Ok(out.map(|out| out + &text[done..]))
    }
}

/// One `${CLEARML_name:default|filter|filter}`.
struct Token<'t> {
    /// All of it, as written.
    text: &'t str,
    /// Where it starts.
    start: usize,
    /// The name without its prefix.
    name: &'t str,
    default: Option<&'t str>,
    filters: Option<&'t str>,
}

/// The tokens of a text, from left to right.
struct Tokens<'t> {
    text: &'t str,
    from: usize,
}

impl<'t> Tokens<'t> {
    fn of(text: &'t str) -> Self {
        Tokens { text, from: 0 }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        // Most texts have no token, and every text of every template is searched.
        while let Some(at) = memchr::memchr(b'$', &self.text.as_bytes()[self.from..]).map(|at| self.from + at) {
            let rest = &self.text[at..];
            if let Some(token) = Token::read(rest, at) {
                self.from = at + token.text.len();
                return Some(token);
            }
            // `$$` is an escape: the second `$` starts nothing.
            self.from = at + if rest.starts_with("$$") { 2 } else { 1 };
        }
        None
    }
}

impl<'t> Token<'t> {
    fn read(rest: &'t str, start: usize) -> Option<Self> {
        let body = rest.strip_prefix("${CLEARML_")?;
        // None of these may be inside, so a token without an end doesn't cause a new search from every `$`.
        let end = body.find(['}', '{', '$', '\n'])?;
        let body = body[end..].starts_with('}').then(|| &body[..end])?;
        let (head, filters) = body.split_once('|').map_or((body, None), |(head, filters)| (head, Some(filters)));
        let (name, default) = head.split_once(':').map_or((head, None), |(name, default)| (name, Some(default)));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
        // `${NAME:-default}` and its like are the shell's.
        let shell = default.is_some_and(|default| default.starts_with(['-', '=', '?', '+']));
        if name.is_empty() || !name.chars().all(is_name) || shell {
            return None;
        }
        let text = &rest[.."${CLEARML_".len() + body.len() + 1];
        Some(Token { text, start, name, default, filters })
    }
}

impl Scope<'_> {
    /// The value of a token after its filters; `None` if it has neither a value nor a default.
    fn value(&self, token: &Token) -> Option<String> {
        let value = self.lookup(token)?;
        Some(filter(value.into_owned(), token.filters.unwrap_or("")))
    }

    fn lookup<'s>(&'s self, token: &Token<'s>) -> Option<Cow<'s, str>> {
        let default = || token.default.filter(|text| !text.is_empty()).map(Cow::Borrowed);
        let (name, path) = token.name.split_once('.').map_or((token.name, None), |(name, path)| (name, Some(path)));
        let single = |value: &'s str| Some(Cow::Borrowed(value)).filter(|value| !value.is_empty()).or_else(default);
        let nested = |root: Option<&'s Value>| {
            let found = path?.split('.').try_fold(root?, |here, key| here.get(key));
            found.and_then(plain)
        };
        match (name, path) {
            ("QUEUE_ID", None) => single(self.queue_id),
            ("QUEUE_NAME", None) => single(self.queue_name),
            ("WORKER_ID", None) => single(self.worker_id),
            ("PROJECT_ID", None) => {
                single(self.task.get("project").and_then(Value::as_str).unwrap_or("")).or(Some("unknown".into()))
            }
            ("PROJECT_NAME", None) => single(self.project_name.unwrap_or("")).or(Some("unknown".into())),
            ("TASK", _) => nested(Some(self.task)).or_else(default),
            ("PROVIDERS_INFO", _) => nested(Some(self.providers)).or_else(default),
            ("CONFIG", _) => nested(Some(self.config)).or_else(default),
            ("USER_VAULTS", _) => nested(self.user_vaults).or_else(default),
            ("USER", _) => nested(self.user).or_else(default),
            _ => None,
        }
    }
}

/// A scalar as text, or a list of scalars joined by commas; `None` for null and objects.
fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Array(items) => {
            let scalar = |item| matches!(item, &Value::String(_) | &Value::Bool(_) | &Value::Number(_));
            let texts = items.iter().map(|item| plain(item).filter(|_| scalar(item))).collect::<Option<Vec<_>>>()?;
            Some(Cow::Owned(texts.join(",")))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// Applies filters, separated by `|`, from left to right. Line breaks are removed first unless one of them is `raw`. A
/// filter that doesn't exist does nothing.
fn filter(value: String, filters: &str) -> String {
    let filters: Vec<&str> = filters.split('|').map(str::trim).collect();
    let value = if filters.contains(&"raw") { value } else { value.replace('\n', "") };
    filters.iter().fold(value, |value, filter| match *filter {
        "lower" => value.to_lowercase(),
        "strip" => value.trim().to_owned(),
        "capitalize" => {
            let mut chars = value.chars();
            let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
            first + chars.as_str().to_lowercase().as_str()
        }
        _ => value,
    })
}

#[cfg(test)]
#[path = "clearml_tests.rs"]
mod tests;

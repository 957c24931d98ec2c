//! What an operation works on and with: the Pod, and who evaluates expressions for it.

use super::env_index::EnvIndex;
use crate::diagnostic::{Code, Diagnostic, Fault, Span, fault};
use crate::edit::{EditError, Editor, Pointer};
use crate::expr::{Script, ValueExpr};
use crate::hook::Hook;
use crate::path::Path;
use crate::source::Text;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;

/// Evaluates expressions, runs scripts and calls hooks for an operation.
pub trait Host {
    /// Evaluates a value's expressions, which may read the Pod; `item` is the place that `@` stands for.
    ///
    /// # Errors
    /// An expression fails.
    fn value(&mut self, value: &ValueExpr, pod: &mut Editor, item: Option<&Pointer>) -> Result<Value, Fault>;
    /// Runs a script on the Pod. `Ok(false)` means that it called `skip()`.
    ///
    /// # Errors
    /// The script fails or runs out of time.
    fn script(
        &mut self,
        script: &Script,
        timeout: Option<Duration>,
        pod: &mut Editor,
        item: Option<&Pointer>,
    ) -> Result<bool, Fault>;
    /// Calls a Python hook on the Pod, and applies what the hook changed.
    ///
    /// # Errors
    /// The hook can't be run, or fails.
    fn hook(&mut self, hook: &Hook, pod: &mut Editor) -> Result<(), Fault>;
}

/// What an operation works on: the Pod, the current match of the `forEach` around it, and the host.
pub struct OpContext<'b> {
    /// The Pod.
    pub pod: &'b mut Editor,
    /// The place that `@` stands for.
    pub item: Option<&'b Pointer>,
    /// Evaluates expressions, runs scripts, calls hooks.
    pub host: &'b mut dyn Host,
    /// The warnings of the run.
    pub warnings: &'b mut Vec<Diagnostic>,
    /// The positions of environment variables in long lists.
    pub env: &'b mut EnvIndex,
    /// Set when a script called `skip()`: the rest of the rule doesn't run.
    pub skipped: bool,
}

impl OpContext<'_> {
    /// Evaluates the expressions of a value.
    ///
    /// # Errors
    /// An expression fails.
    pub fn value(&mut self, value: &ValueExpr) -> Result<Value, Fault> {
        self.host.value(value, self.pod, self.item)
    }

    /// Evaluates a value that must be text, a number or a boolean, and gives it as text. `span` is where it was written.
    ///
    /// # Errors
    /// An expression fails, or the value is something else.
    pub fn text(&mut self, value: &ValueExpr, span: Span) -> Result<String, Fault> {
        match self.value(value)? {
            Value::String(text) => Ok(text),
            Value::Bool(b) => Ok(b.to_string()),
            Value::Number(n) => Ok(n.to_string()),
            other => {
                let message = format!("expected text, but the expression gives {}", crate::edit::kind_of(&other));
                Err(fault(Code::ExpressionFailed, message, span))
            }
        }
    }

    /// The place that paths start from.
    pub fn base(&self) -> Pointer {
        self.item.cloned().unwrap_or_default()
    }

    /// The places that a path matches, each once.
    ///
    /// # Errors
    /// No place matches, unless `optional`; or finding them takes too much work.
    pub fn select(&self, path: &Path, written: &Text, optional: bool) -> Result<Vec<Pointer>, Fault> {
        let selected = path.select_counted(self.pod.root(), &self.base()).ok();
        let Some((mut places, _)) = selected.filter(|(places, visited)| self.pod.visit(visited + places.len())) else {
            let message = format!("the path {path} takes too much work on this Pod");
            return Err(fault(Code::LimitExceeded, message, written.span));
        };
        if places.is_empty() && !optional {
            return Err(self.no_match(path, written));
        }
        if places.len() > 1 {
            let mut seen = HashSet::with_capacity(places.len());
            places.retain(|place| seen.insert(place.clone()));
        }
        Ok(places)
    }

    /// The error of a path that matches nothing: which part of it matches, and what is missing there.
    pub fn no_match(&self, path: &Path, written: &Text) -> Fault {
        let (upto, why) = path.deepest_match(self.pod.root(), &self.base());
        let message = format!("the path {path} matches nothing: {upto} exists, but {why}");
        let mut fault = fault(Code::NoMatch, message, written.span);
        fault.help = Some("add `optional: true` if it may be missing".to_owned());
        fault
    }

    /// The place that a singular path names, whether or not it exists yet; nothing if the path isn't singular.
    pub fn target(&self, path: &Path) -> Option<Pointer> {
        path.resolve_singular(self.pod.root(), &self.base())
    }

    /// Edits the Pod; an error is reported at `span`, where the edit was asked for.
    ///
    /// # Errors
    /// The edit doesn't fit the Pod, or makes it too large.
    pub fn edit<T>(&mut self, span: Span, edit: impl FnOnce(&mut Editor) -> Result<T, EditError>) -> Result<T, Fault> {
        edit(self.pod).map_err(|error| edit_fault(&error, span))
    }

    /// Sets the value at a place whose parent exists.
    ///
    /// # Errors
    /// See [`OpContext::edit`].
    pub fn set(&mut self, at: &Pointer, value: Value, span: Span) -> Result<(), Fault> {
        self.edit(span, |pod| pod.set(at, value))
    }

    /// Sets the value at a place, and creates the objects and lists that are missing on the way.
    ///
    /// # Errors
    /// See [`OpContext::edit`].
    pub fn set_creating(&mut self, at: &Pointer, value: Value, span: Span) -> Result<(), Fault> {
        self.edit(span, |pod| pod.set_creating(at, value))
    }

    /// Inserts an element into a list, before the one at `index`.
    ///
    /// # Errors
    /// See [`OpContext::edit`].
    pub fn insert(&mut self, list: &Pointer, index: usize, value: Value, span: Span) -> Result<(), Fault> {
        self.edit(span, |pod| pod.insert(list, index, value))
    }

    /// Removes the value at a place.
    ///
    /// # Errors
    /// See [`OpContext::edit`].
    pub fn remove(&mut self, at: &Pointer, span: Span) -> Result<(), Fault> {
        self.edit(span, |pod| pod.remove(at))
    }

    /// Makes sure that there is a list at a place.
    ///
    /// # Errors
    /// See [`OpContext::edit`].
    pub fn ensure_list(&mut self, at: &Pointer, span: Span) -> Result<(), Fault> {
        self.edit(span, |pod| pod.ensure_list(at))
    }
}

/// The places that are not inside another of them, in the order of the document.
pub fn outermost(mut places: Vec<Pointer>) -> Vec<Pointer> {
    places.sort();
    // Once sorted, a place is followed by those inside it.
    places.dedup_by(|next, kept| next.starts_with(kept));
    places
}

/// The error of an edit, at the place in the rules that asked for it.
fn edit_fault(error: &EditError, span: Span) -> Fault {
    let code = if error.is_limit() { Code::LimitExceeded } else { Code::OperationFailed };
    fault(code, error.to_string(), span)
}

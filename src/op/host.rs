//! What an operation works with and through.

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

/// What can work out expressions, run scripts and call hooks on behalf of an operation.
pub trait Host {
    /// Evaluates a value that a user wrote. The Pod is lent to expressions that read it.
    fn value(&mut self, value: &ValueExpr, pod: &mut Editor, item: Option<&Pointer>) -> Result<Value, Fault>;
    /// Runs a script on the Pod. `Ok(false)` means that it called `skip()`.
    fn script(
        &mut self,
        script: &Script,
        timeout: Option<Duration>,
        pod: &mut Editor,
        item: Option<&Pointer>,
    ) -> Result<bool, Fault>;
    /// Calls a Python hook on the Pod, and writes into it what the hook changed.
    fn hook(&mut self, hook: &Hook, pod: &mut Editor) -> Result<(), Fault>;
}

/// Where an operation works: the Pod, the match of the `forEach` around it, and the host.
pub struct OpContext<'b> {
    /// The Pod.
    pub pod: &'b mut Editor,
    /// The place that `@` stands for.
    pub item: Option<&'b Pointer>,
    /// Expressions, scripts, hooks.
    pub host: &'b mut dyn Host,
    /// What is worth a warning.
    pub warnings: &'b mut Vec<Diagnostic>,
    /// Where variables stand in long lists.
    pub env: &'b mut EnvIndex,
    /// Set when a script called `skip()`: the rest of the rule is not done.
    pub skipped: bool,
}

impl OpContext<'_> {
    /// Fills a template in.
    pub fn value(&mut self, template: &ValueExpr) -> Result<Value, Fault> {
        self.host.value(template, self.pod, self.item)
    }

    /// Fills a template in that stands for text; numbers and booleans are formatted.
    pub fn text(&mut self, template: &ValueExpr, span: Span) -> Result<String, Fault> {
        match self.value(template)? {
            Value::String(text) => Ok(text),
            Value::Bool(b) => Ok(b.to_string()),
            Value::Number(n) => Ok(n.to_string()),
            other => {
                let message = format!("expected text, and it came out as {}", crate::edit::kind_of(&other));
                Err(fault(Code::ExpressionFailed, message, span))
            }
        }
    }

    /// The place that paths start from.
    pub fn base(&self) -> Pointer {
        self.item.cloned().unwrap_or_default()
    }

    /// The places that a path matches, each once; none is an error unless `optional`.
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

    /// The error of a path that matches nothing: how far it got, and why not further.
    pub fn no_match(&self, path: &Path, written: &Text) -> Fault {
        let (upto, why) = path.deepest_match(self.pod.root(), &self.base());
        let message = format!("the path {path} matches nothing: {upto} is there, but {why}");
        let mut fault = fault(Code::NoMatch, message, written.span);
        fault.help = Some("add `optional: true` if it may be missing".to_owned());
        fault
    }

    /// The place that a singular path names, whether or not anything is there yet; `None` if the path isn't singular.
    pub fn target(&self, path: &Path) -> Option<Pointer> {
        path.resolve_singular(self.pod.root(), &self.base())
    }
}

/// The places that lie in no other of them, in the order of the document.
pub fn outermost(mut places: Vec<Pointer>) -> Vec<Pointer> {
    places.sort();
    // Sorted, what lies in a place follows it.
    places.dedup_by(|next, kept| next.starts_with(kept));
    places
}

/// An edit's error, at the place in the rules that asked for it.
pub fn edit_fault(error: &EditError, span: Span) -> Fault {
    let code = if error.is_limit() { Code::LimitExceeded } else { Code::OperationFailed };
    fault(code, error.to_string(), span)
}

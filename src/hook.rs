//! Python hooks: what a rule's `python:` and the values' `CLEARML_K8S_GLUE_TEMPLATE_MODULE` call, whoever runs Python.
//!
//! The engine knows only [`Hooks`]. Rules run without one refuse hooks by name.
use crate::context::Context;
use crate::diagnostic::Fault;
use crate::diagnostic::{Code, Diagnostic, Label, Span};
use crate::source::Text;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// How long a hook may take that doesn't say.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A Python function with the contract of ClearML's `update_template`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Function {
    /// The module, dotted.
    pub module: String,
    /// The function in it.
    pub name: String,
}

impl Function {
    /// Reads `module:function`.
    pub fn parse(text: &str) -> Option<Function> {
        let (module, name) = text.trim().split_once(':')?;
        let identifier = |part: &str| {
            let first = part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
            first && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        let whole = module.split('.').all(identifier) && identifier(name);
        whole.then(|| Function { module: module.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.name)
    }
}

/// A function that is called, as it was written.
#[derive(Debug, Clone)]
pub struct Hook {
    /// What is called.
    pub function: Function,
    /// How long it may take.
    pub timeout: Duration,
    /// Where it is named.
    pub span: Span,
}

impl Hook {
    /// A hook as a rule or the values name it; a mistake in the name is an error.
    pub fn new(text: &Text, timeout: Option<Duration>) -> Result<Hook, Fault> {
        let Some(function) = Function::parse(&text.value) else {
            let message = format!("`{}` is not of the form module:function", text.value);
            return Err(Box::new(Diagnostic::new(Code::BadValue, message).at(text.span)));
        };
        Ok(Hook { function, timeout: timeout.unwrap_or(TIMEOUT), span: text.span })
    }
}

/// What runs hooks.
pub trait Hooks: fmt::Debug + Sync {
    /// Calls a function on a template. The template and the context stay as they are, whatever the function does.
    fn call(&self, hook: &Hook, template: &Value, context: &Context) -> Answer;
}

/// What came of a call.
#[derive(Debug)]
pub struct Answer {
    /// The template that the function returned.
    pub template: Result<Value, HookFault>,
    /// What it printed, line by line.
    pub log: Vec<String>,
}

/// Why a hook gave no template.
#[derive(Debug, Clone)]
pub struct HookFault {
    /// The kind of mistake.
    pub code: Code,
    /// What is wrong, with the hook's own file and line if they are known.
    pub message: String,
    /// The place in the hook's text, if that is among the sources: the values' fileMounts are.
    pub at: Option<Span>,
    /// Python's traceback.
    pub traceback: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl HookFault {
    /// A fault with nothing but its message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        HookFault { code, message: message.into(), at: None, traceback: None, help: None }
    }

    /// What podrules says of it.
    pub fn into_fault(self, hook: &Hook) -> Fault {
        let mut diagnostic = Diagnostic::new(self.code, format!("the hook {} {}", hook.function, self.message));
        diagnostic = match self.at {
            Some(span) => diagnostic.at(span).related(hook.span, "called from here"),
            None => diagnostic.at(hook.span),
        };
        diagnostic.detail = self.traceback;
        if let Some(help) = self.help {
            diagnostic = diagnostic.help(help);
        }
        Box::new(diagnostic)
    }
}

/// What rules that nobody gave a Python to say of a hook.
pub fn refused(hook: &Hook) -> Fault {
    let message = format!("the hook {} can't be run: there is no Python here", hook.function);
    let mut diagnostic = Diagnostic::new(Code::Unsupported, message);
    diagnostic.primary = Some(Label { span: hook.span, text: String::new() });
    Box::new(diagnostic)
}

#[cfg(test)]
mod tests {
    use super::Function;

    #[test]
    fn names_are_checked() {
        for good in ["a:b", "custom_code:update_template", "pkg.mod:f", " a:b "] {
            assert!(Function::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a", "a:", ":b", "a:b:c", "a b:c", "a.:b", "a:b.c", "1a:b", "os;x:y", "../a:b", "a:b\nc"] {
            assert!(Function::parse(bad).is_none(), "{bad}");
        }
    }
}

//! Python hooks: the functions that a rule's `python:` and the values' `CLEARML_K8S_GLUE_TEMPLATE_MODULE` call.
//!
//! The engine knows only the trait [`Hooks`], whose implementations run Python. Without one, a hook fails.
use crate::context::Context;
use crate::diagnostic::Fault;
use crate::diagnostic::{Code, Diagnostic, Label, Span};
use crate::source::Text;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// The timeout of a hook that sets none.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A Python function with the contract of ClearML's `update_template`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Function {
    /// The module's dotted name.
    pub module: String,
    /// The function's name in the module.
    pub name: String,
}

impl Function {
    /// Reads `module:function`; `None` if the text has another form.
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

/// A call of a function in the rules or the values.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The function that is called.
    pub function: Function,
    /// How long it may take.
    pub timeout: Duration,
    /// The place that names it.
    pub span: Span,
}

impl Hook {
    /// Makes a hook from its name in a rule or the values; the timeout is 10 seconds by default.
    ///
    /// # Errors
    /// If the name doesn't have the form `module:function`.
    pub fn new(text: &Text, timeout: Option<Duration>) -> Result<Hook, Fault> {
        let Some(function) = Function::parse(&text.value) else {
            let message = format!("`{}` is not of the form module:function", text.value);
            return Err(Box::new(Diagnostic::new(Code::BadValue, message).at(text.span)));
        };
        Ok(Hook { function, timeout: timeout.unwrap_or(TIMEOUT), span: text.span })
    }
}

/// Runs hooks.
pub trait Hooks: fmt::Debug + Sync {
    /// Calls a hook on a template. Whatever the function does, `template` and `context` don't change.
    fn call(&self, hook: &Hook, template: &Value, context: &Context) -> Answer;
}

/// The result of a call.
#[derive(Debug)]
pub struct Answer {
    /// The template that the function returned, or why there is none.
    pub template: Result<Value, HookFault>,
    /// The lines that it printed.
    pub log: Vec<String>,
}

/// Why a hook returned no template.
#[derive(Debug, Clone)]
pub struct HookFault {
    /// The code of the finding.
    pub code: Code,
    /// What is wrong, to follow the hook's name: `raised ValueError: …`. It includes the hook's file and line if known.
    pub message: String,
    /// The place in the hook's code, if that is among the sources, as the values' `fileMounts` are.
    pub at: Option<Span>,
    /// Python's traceback.
    pub traceback: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl HookFault {
    /// Makes a fault with a message only.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        HookFault { code, message: message.into(), at: None, traceback: None, help: None }
    }

    /// Turns it into the finding that podrules reports.
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

/// The fault of a hook that is called where nothing runs Python.
pub fn refused(hook: &Hook) -> Fault {
    let message = format!("the hook {} can't run: Python isn't available here", hook.function);
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

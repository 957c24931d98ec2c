//! `removeEnv`: takes environment variables out of containers.

use super::containers::{Chosen, Containers};
use super::host::edit_fault;
use super::lists::remove_from;
use super::shapes::{Items, elements, filled, not};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::expr::ValueExpr;
use crate::pod::containers::NamePattern;
use crate::read::wrong;
use crate::record;
use serde_json::Value;

record! {
    /// Removes environment variables by name or glob. One that isn't there is no error.
    ///
    /// ```yaml
    /// - removeEnv: {vars: [DEBUG, "AWS_*"], containers: all}
    /// ```
    pub struct RemoveEnv as "removeEnv" {
        /// Names and globs.
        required vars: Items = "vars",
        /// Which containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether init containers too.
        optional init: bool = "init",
    }
}

impl Parameters for RemoveEnv {
    const NAME: &'static str = "removeEnv";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("remove_env", &["vars"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler);
        let single = std::slice::from_ref(&self.vars.0);
        let written = if self.vars.0.items().is_empty() { single } else { self.vars.0.items() };
        let mut right = true;
        for node in written {
            let shape = match node.as_str() {
                Some(_) => Some(()),
                None => wrong(node, "the name of a variable, or a glob", compiler.found),
            };
            right &= shape.is_some();
        }
        let template = compiler.value(&self.vars.0).filter(|_| right)?;
        let vars = match template.constant() {
            None => Vars::Filled(template),
            Some(value) => {
                let read: Vec<_> = elements(value).iter().zip(written).map(|(v, node)| pattern(v, node.span)).collect();
                Vars::Known(compiler.keep(read)?)
            }
        };
        Some(Box::new(Compiled { vars, containers: containers?, span: self.vars.0.span }))
    }
}

fn pattern(name: &Value, span: Span) -> Result<NamePattern, Fault> {
    let Value::String(text) = name else { return Err(not("the name of a variable", "text", name, span)) };
    NamePattern::new(text).map_err(|why| fault(Code::BadGlob, format!("`{text}` is not a glob: {why}"), span))
}

#[derive(Debug)]
struct Compiled {
    vars: Vars,
    containers: Chosen,
    span: Span,
}

#[derive(Debug)]
enum Vars {
    Known(Vec<NamePattern>),
    Filled(ValueExpr),
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let made: Vec<NamePattern>;
        let patterns = match &self.vars {
            Vars::Known(patterns) => patterns,
            Vars::Filled(template) => {
                let value = filled(cx, template)?;
                made = elements(&value).iter().map(|name| pattern(name, self.span)).collect::<Result<_, _>>()?;
                &made
            }
        };
        let doomed = |item: &Value| match item.get("name") {
            Some(Value::String(name)) => patterns.iter().any(|pattern| pattern.matches(name)),
            _ => false,
        };
        for container in self.containers.places(cx)? {
            let removed = remove_from(cx.pod, &container.child("env"), 0, doomed);
            removed.map_err(|e| edit_fault(&e, self.span))?;
        }
        Ok(())
    }
}

//! `removeEnv`: removes environment variables of containers.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::lists::remove_from;
use super::operation::Operation;
use super::shapes::{Items, elements, filled, not};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::expr::ValueExpr;
use crate::pod::containers::NamePattern;
use crate::read::wrong;
use crate::record;
use serde_json::Value;

record! {
    /// Removes environment variables by name or glob. A name or glob that matches none is ignored.
    ///
    /// ```yaml
    /// - removeEnv: {vars: [DEBUG, "AWS_*"], containers: all}
    /// ```
    pub struct RemoveEnv as "removeEnv" {
        /// Names and globs of the variables.
        required vars: Items = "vars",
        /// The containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

impl Parameters for RemoveEnv {
    const FUNCTION: Option<Function> = Some(("remove_env", &["vars"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler);
        let single = std::slice::from_ref(&self.vars.0);
        let written = if self.vars.0.items().is_empty() { single } else { self.vars.0.items() };
        let mut valid = true;
        for node in written {
            let shape = match node.as_str() {
                Some(_) => Some(()),
                None => wrong(node, "the name of a variable, or a glob", compiler.found),
            };
            valid &= shape.is_some();
        }
        let template = compiler.value(&self.vars.0).filter(|_| valid)?;
        let vars = match template.constant() {
            None => Vars::Filled(template),
            Some(value) => {
                let read: Vec<_> = elements(value).iter().zip(written).map(|(v, node)| pattern(v, node.span)).collect();
                Vars::Known(compiler.keep(read)?)
            }
        };
        Some(Box::new(RemoveEnvOp { vars, containers: containers?, span: self.vars.0.span }))
    }
}

fn pattern(name: &Value, span: Span) -> Result<NamePattern, Fault> {
    let Value::String(text) = name else { return Err(not("the name of a variable", "text", name, span)) };
    NamePattern::new(text).map_err(|why| fault(Code::BadGlob, format!("`{text}` is not a valid glob: {why}"), span))
}

#[derive(Debug)]
struct RemoveEnvOp {
    vars: Vars,
    containers: Chosen,
    span: Span,
}

#[derive(Debug)]
enum Vars {
    Known(Vec<NamePattern>),
    Filled(ValueExpr),
}

impl Operation for RemoveEnvOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let filled_in: Vec<NamePattern>;
        let patterns = match &self.vars {
            Vars::Known(patterns) => patterns,
            Vars::Filled(template) => {
                let value = filled(cx, template)?;
                filled_in = elements(&value).iter().map(|name| pattern(name, self.span)).collect::<Result<_, _>>()?;
                &filled_in
            }
        };
        let doomed = |item: &Value| match item.get("name") {
            Some(Value::String(name)) => patterns.iter().any(|pattern| pattern.matches(name)),
            _ => false,
        };
        for container in self.containers.places(cx)? {
            remove_from(cx, &container.child("env"), 0, doomed, self.span)?;
        }
        Ok(())
    }
}

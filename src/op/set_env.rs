//! `setEnv`: environment variables of containers.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::env_order::{self, refers};
use super::lists::{is_named, items, named, remove_from};
use super::operation::Operation;
use super::shapes::{Object, filled, not, scalar_text};
use crate::diagnostic::{Code, Diagnostic, Fault, Span, fault};
use crate::edit::{Pointer, kind_of};
use crate::expr::ValueExpr;
use crate::pod::names;
use crate::record;
use crate::source::Kind;
use serde_json::Value;
use smallvec::SmallVec;

record! {
    /// Sets environment variables. An existing variable is replaced completely and keeps its position (a value replaces a
    /// `valueFrom`, and the other way round; of several with the same name, the first position counts); new ones are added
    /// at the end, in the order written. Numbers and booleans become text.
    ///
    /// Kubernetes expands `$(NAME)` only from a variable further up in the list, so a variable that refers to one further
    /// down moves right behind it, and so do those that refer to the moved one.
    ///
    /// ```yaml
    /// - setEnv:
    ///     vars:
    ///       DATA: /mnt/data
    ///       CACHE: $(DATA)/cache
    ///       WORKERS: '${task.param("Args/workers", 4)}'
    ///       TOKEN: {valueFrom: {secretKeyRef: {name: hub, key: token}}}
    ///     containers: all
    /// ```
    pub struct SetEnv as "setEnv" {
        /// The variables: names, each with text, a number, a boolean, or `{valueFrom: …}`.
        required vars: Object = "vars",
        /// The containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

impl Parameters for SetEnv {
    const FUNCTION: Option<Function> = Some(("set_env", &["vars"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler);
        let vars = Vars::compile(&self.vars, compiler);
        Some(Box::new(SetEnvOp { vars: vars?, containers: containers?, span: self.vars.0.span }))
    }
}

#[derive(Debug)]
struct SetEnvOp {
    vars: Vars,
    containers: Chosen,
    span: Span,
}

#[derive(Debug)]
enum Vars {
    /// Without expressions.
    Ready(Vec<Var>),
    /// With expressions in names or values; each with the place of its name.
    Written(Vec<(ValueExpr, ValueExpr, Span)>),
    /// One expression that gives all of them.
    Whole(ValueExpr),
}

/// A variable as it goes into a Pod.
#[derive(Debug)]
struct Var {
    name: String,
    item: Value,
    /// Whether its value contains a `$(NAME)`.
    refers: bool,
}

impl Var {
    fn new(name: &str, value: &Value, span: Span) -> Result<Var, Fault> {
        if !names::is_env_name(name) {
            let message =
                format!("`{name}` can't name an environment variable: it must be printable ASCII without `=`");
            return Err(fault(Code::BadName, message, span));
        }
        let mut item = named("name", name);
        let mut refers_to = false;
        match (scalar_text(value), value) {
            (Some(text), _) => {
                refers_to = refers(&text);
                item.insert("value".to_owned(), Value::String(text.into_owned()));
            }
            (None, Value::Object(map)) => match (map.get("valueFrom"), map.len()) {
                (Some(Value::Object(source)), 1) => {
                    item.insert("valueFrom".to_owned(), Value::Object(source.clone()));
                }
                _ => {
                    let message = format!("`{name}` is an object other than {{valueFrom: {{…}}}}");
                    return Err(fault(Code::BadValue, message, span));
                }
            },
            (None, Value::Null) => {
                let mut error = fault(Code::WrongType, format!("`{name}` is null"), span);
                error.help =
                    Some("to remove the variable, use removeEnv; to set it to an empty value, write \"\"".to_owned());
                return Err(error);
            }
            (None, other) => {
                let message =
                    format!("`{name}` must be text, a number, a boolean or {{valueFrom: …}}, not {}", kind_of(other));
                return Err(fault(Code::WrongType, message, span));
            }
        }
        Ok(Var { name: name.to_owned(), item: Value::Object(item), refers: refers_to })
    }
}

impl Vars {
    fn compile(written: &Object, compiler: &mut Compiler<'_>) -> Option<Vars> {
        let Kind::Map(entries) = &written.0.kind else {
            return written.compile(&[], compiler).map(Vars::Whole);
        };
        let mut vars = Vec::with_capacity(entries.len());
        let mut valid = true;
        for (key, value) in entries {
            let (name, template) = (compiler.text(key), compiler.value(value));
            // Expressions pass this check as text; their results are checked when the rule runs.
            let constant = name.as_ref().and_then(ValueExpr::constant).and_then(Value::as_str);
            let shown = constant.unwrap_or("NAME");
            if let Err(error) = Var::new(shown, &value.to_value(), key.span) {
                compiler.found.push(*error);
                valid = false;
            }
            match (name, template) {
                (Some(name), Some(template)) => vars.push((name, template, key.span)),
                _ => valid = false,
            }
        }
        let ready = |(name, value, span): &(ValueExpr, ValueExpr, Span)| {
            Var::new(name.constant()?.as_str()?, value.constant()?, *span).ok()
        };
        valid.then(|| match vars.iter().map(ready).collect::<Option<Vec<_>>>() {
            Some(ready) => Vars::Ready(ready),
            None => Vars::Written(vars),
        })
    }

    /// The variables whose names or values depend on the task.
    fn fill(&self, cx: &mut OpContext<'_>, span: Span) -> Result<Vec<Var>, Fault> {
        match self {
            Vars::Ready(_) => Ok(Vec::new()),
            Vars::Written(written) => {
                let mut vars: Vec<Var> = Vec::with_capacity(written.len());
                for (name, value, span) in written {
                    let (name, value) = (cx.text(name, *span)?, filled(cx, value)?);
                    if vars.iter().any(|var| var.name == name) {
                        return Err(fault(Code::BadValue, format!("`vars` has the name `{name}` twice"), *span));
                    }
                    vars.push(Var::new(&name, &value, *span)?);
                }
                Ok(vars)
            }
            Vars::Whole(template) => match &*filled(cx, template)? {
                Value::Object(map) => map.iter().map(|(name, value)| Var::new(name, value, span)).collect(),
                other => Err(not("`vars`", "an object", other, span)),
            },
        }
    }
}

impl Operation for SetEnvOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let filled;
        let vars = match &self.vars {
            Vars::Ready(vars) => vars,
            open => {
                filled = open.fill(cx, self.span)?;
                &filled
            }
        };
        for container in self.containers.places_created(cx)? {
            self.put(cx, vars, &container.child("env"))?;
        }
        Ok(())
    }
}

impl SetEnvOp {
    /// Sets the variables in one container's list.
    fn put(&self, cx: &mut OpContext<'_>, vars: &[Var], at: &Pointer) -> Result<(), Fault> {
        if vars.is_empty() {
            return Ok(());
        }
        let mut new: SmallVec<[&str; 4]> = SmallVec::new();
        let mut unsettled = vars.iter().any(|var| var.refers);
        match cx.pod.get(at) {
            Some(Value::Array(_)) => {}
            Some(other) if !other.is_null() => return cx.ensure_list(at, self.span),
            _ => {
                let all = vars.iter().map(|var| var.item.clone()).collect();
                cx.set_creating(at, Value::Array(all), self.span)?;
                new.extend(vars.iter().map(|var| var.name.as_str()));
            }
        }
        let missing = if new.is_empty() { vars } else { &[] };
        for var in missing {
            let list = items(cx.pod, at);
            let (place, awaited) = cx.env.look(cx.pod, at, list, &var.name);
            match place {
                Some(place) => {
                    if list[place] != var.item {
                        cx.set(&at.child(place), var.item.clone(), self.span)?;
                    }
                    let same = |item: &Value| is_named(item, "name", &var.name);
                    remove_from(cx, at, place + 1, same, self.span)?;
                }
                None => {
                    unsettled |= awaited;
                    let end = list.len();
                    cx.insert(at, end, var.item.clone(), self.span)?;
                    cx.env.appended(cx.pod, at, end, &var.item);
                    new.push(&var.name);
                }
            }
        }
        match unsettled {
            true => self.arrange(cx, vars, &new, at),
            false => Ok(()),
        }
    }

    /// Moves variables behind those that they refer to.
    fn arrange(&self, cx: &mut OpContext<'_>, vars: &[Var], new: &[&str], at: &Pointer) -> Result<(), Fault> {
        let set: Vec<&str> = vars.iter().map(|var| var.name.as_str()).collect();
        match env_order::order(items(cx.pod, at), &set, new) {
            Ok(None) => Ok(()),
            Ok(Some(wanted)) => cx.edit(self.span, |pod| env_order::apply(pod, at, &wanted)),
            Err(circle) => {
                let message = format!("setEnv: {circle}, which Kubernetes doesn't expand");
                let warning = Diagnostic::new(Code::EnvCycle, message).at(self.span);
                if cx.warnings.last() != Some(&warning) {
                    cx.warnings.push(warning);
                }
                Ok(())
            }
        }
    }
}

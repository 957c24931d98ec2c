//! `setEnv`: environment variables of containers.

use super::containers::{Chosen, Containers};
use super::env_order::{self, refers};
use super::host::edit_fault;
use super::lists::{is_named, items, named, remove_from};
use super::shapes::{Object, filled, not, scalar_text};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic, Fault, Span, fault};
use crate::edit::{Pointer, kind_of};
use crate::expr::ValueExpr;
use crate::pod::names;
use crate::record;
use crate::source::Kind;
use serde_json::Value;
use smallvec::SmallVec;

record! {
    /// Sets environment variables. One that is there already keeps its place and is replaced whole (a value takes the
    /// place of a `valueFrom`, and the other way round; of several with its name, the first place stays); new ones come
    /// last, in the order written. Numbers and booleans become text.
    ///
    /// Kubernetes expands `$(NAME)` only from a variable further up, so a variable that needs one further down moves
    /// to right behind it, and so do those that need the moved one.
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
        /// The variables: a name with text, a number, a boolean, or `{valueFrom: …}`.
        required vars: Object = "vars",
        /// Which containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether init containers too.
        optional init: bool = "init",
    }
}

impl Parameters for SetEnv {
    const NAME: &'static str = "setEnv";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("set_env", &["vars"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler);
        let vars = Vars::compile(&self.vars, compiler);
        Some(Box::new(Compiled { vars: vars?, containers: containers?, span: self.vars.0.span }))
    }
}

#[derive(Debug)]
struct Compiled {
    vars: Vars,
    containers: Chosen,
    span: Span,
}

#[derive(Debug)]
enum Vars {
    /// Nothing is left to fill in.
    Ready(Vec<Var>),
    /// Names and values with expressions in them; each with the place of its name.
    Written(Vec<(ValueExpr, ValueExpr, Span)>),
    /// One expression gives them all.
    Whole(ValueExpr),
}

/// A variable as it goes into a Pod.
#[derive(Debug)]
struct Var {
    name: String,
    item: Value,
    /// Whether its value holds a `$(NAME)`.
    refers: bool,
}

impl Var {
    fn new(name: &str, value: &Value, span: Span) -> Result<Var, Fault> {
        if !names::is_env_name(name) {
            let message = format!("`{name}` can't name an environment variable: printable ASCII without `=`");
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
                    let message = format!("`{name}` is an object, and not {{valueFrom: {{…}}}}");
                    return Err(fault(Code::BadValue, message, span));
                }
            },
            (None, Value::Null) => {
                let mut error = fault(Code::WrongType, format!("`{name}` is null"), span);
                error.help = Some("to remove it use removeEnv; an empty value is \"\"".to_owned());
                return Err(error);
            }
            (None, other) => {
                let message =
                    format!("`{name}` is {}, not text, a number, a boolean or {{valueFrom: …}}", kind_of(other));
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
        let mut right = true;
        for (key, value) in entries {
            let (name, template) = (compiler.text(key), compiler.value(value));
            // What an expression stands for is text as far as this check goes; the rest is checked now.
            let constant = name.as_ref().and_then(ValueExpr::constant).and_then(Value::as_str);
            let shown = constant.unwrap_or("NAME");
            if let Err(error) = Var::new(shown, &value.to_value(), key.span) {
                compiler.found.push(*error);
                right = false;
            }
            match (name, template) {
                (Some(name), Some(template)) => vars.push((name, template, key.span)),
                _ => right = false,
            }
        }
        let ready = |(name, value, span): &(ValueExpr, ValueExpr, Span)| {
            Var::new(name.constant()?.as_str()?, value.constant()?, *span).ok()
        };
        right.then(|| match vars.iter().map(ready).collect::<Option<Vec<_>>>() {
            Some(ready) => Vars::Ready(ready),
            None => Vars::Written(vars),
        })
    }

    /// The variables of a run that are not there at compile.
    fn fill(&self, cx: &mut OpContext<'_>, span: Span) -> Result<Vec<Var>, Fault> {
        match self {
            Vars::Ready(_) => Ok(Vec::new()),
            Vars::Written(written) => {
                let mut vars: Vec<Var> = Vec::with_capacity(written.len());
                for (name, value, span) in written {
                    let (name, value) = (cx.text(name, *span)?, filled(cx, value)?);
                    if vars.iter().any(|var| var.name == name) {
                        return Err(fault(Code::BadValue, format!("the name `{name}` comes out twice"), *span));
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

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let filled;
        let vars = match &self.vars {
            Vars::Ready(vars) => vars,
            open => {
                filled = open.fill(cx, self.span)?;
                &filled
            }
        };
        for container in self.containers.places_made(cx)? {
            self.put(cx, vars, &container.child("env"))?;
        }
        Ok(())
    }
}

impl Compiled {
    /// Puts the variables into one container's list.
    fn put(&self, cx: &mut OpContext<'_>, vars: &[Var], at: &Pointer) -> Result<(), Fault> {
        let error = |e| edit_fault(&e, self.span);
        if vars.is_empty() {
            return Ok(());
        }
        let mut new: SmallVec<[&str; 4]> = SmallVec::new();
        let mut unsettled = vars.iter().any(|var| var.refers);
        match cx.pod.get(at) {
            Some(Value::Array(_)) => {}
            Some(other) if !other.is_null() => return cx.pod.ensure_list(at).map_err(error),
            _ => {
                let all = vars.iter().map(|var| var.item.clone()).collect();
                cx.pod.set_creating(at, Value::Array(all)).map_err(error)?;
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
                        cx.pod.set(&at.child(place), var.item.clone()).map_err(error)?;
                    }
                    let same = |item: &Value| is_named(item, "name", &var.name);
                    remove_from(cx.pod, at, place + 1, same).map_err(error)?;
                }
                None => {
                    unsettled |= awaited;
                    let end = list.len();
                    cx.pod.insert(at, end, var.item.clone()).map_err(error)?;
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

    /// Moves variables behind those that they need.
    fn arrange(&self, cx: &mut OpContext<'_>, vars: &[Var], new: &[&str], at: &Pointer) -> Result<(), Fault> {
        let set: Vec<&str> = vars.iter().map(|var| var.name.as_str()).collect();
        match env_order::order(items(cx.pod, at), &set, new) {
            Ok(None) => Ok(()),
            Ok(Some(wanted)) => env_order::apply(cx.pod, at, &wanted).map_err(|e| edit_fault(&e, self.span)),
            Err(circle) => {
                let message = format!("setEnv: {circle}, which Kubernetes leaves as it stands");
                let warning = Diagnostic::new(Code::EnvCycle, message).at(self.span);
                if cx.warnings.last() != Some(&warning) {
                    cx.warnings.push(warning);
                }
                Ok(())
            }
        }
    }
}

//! `containers:` and `init:` of an operation: the containers that it edits.

use super::compiler::Compiler;
use super::context::OpContext;
use super::shapes::EXPRESSION;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Fault, Span, did_you_mean};
use crate::edit::{EditError, Pointer, kind_of};
use crate::expr::ValueExpr;
use crate::pod::containers::{NamePattern, Select, pointers};
use crate::read::{Read, wrong};
use crate::schema;
use crate::source::{Kind, Node};
use serde_json::Value;

/// The values that `containers:` takes, for messages.
const WANTED: &str = "`task`, `all` or a list of names and globs";

/// The containers that an operation edits: `task` (the first, in which the agent runs the task; the default), `all`, or a
/// list of names and globs. `init: true` includes init containers: all of them, or those in the list.
///
/// A name or glob that matches no container is an error.
#[derive(Debug, Clone, Default)]
pub struct Containers(Option<Node>);

impl Read for Containers {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let error = |message: String| Diagnostic::new(Code::BadValue, message).at(node.span);
        match &node.kind {
            Kind::String(text) if matches!(text.value.as_str(), "task" | "all") || text.value.contains("${") => {}
            Kind::String(text) => {
                let help = match did_you_mean(&text.value, ["task", "all"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("write a container's name as a list: [{}]", text.value),
                };
                found.push(error(format!("expected {WANTED}, found `{}`", text.value)).help(help));
                return None;
            }
            Kind::List(items) if items.is_empty() => {
                found.push(
                    error("the list of containers is empty".to_owned())
                        .help("leave out `containers` for the task's container"),
                );
                return None;
            }
            Kind::List(items) => {
                let texts = items.iter().map(|item| match item.as_text() {
                    Some(_) => Some(()),
                    None => wrong(item, "the name of a container, or a glob", found),
                });
                texts.collect::<Vec<_>>().into_iter().collect::<Option<()>>()?;
            }
            _ => return wrong(node, WANTED, found),
        }
        Some(Containers(Some(node.clone())))
    }
}

schema!(named Containers, |_| {
    "anyOf": [
        {"enum": ["task", "all"]},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "string", "pattern": EXPRESSION}
    ]
});

impl Containers {
    /// Compiles the choice, together with `init:`.
    pub fn compile(&self, init: bool, compiler: &mut Compiler<'_>) -> Option<Chosen> {
        let Some(node) = &self.0 else {
            return Some(Chosen { choice: Choice::Known(Select::Task), init, span: None });
        };
        let template = compiler.value(node)?;
        let choice = match (&template, &node.kind) {
            (ValueExpr::Constant(_), Kind::List(items)) => {
                let patterns = items.iter().map(|item| match NamePattern::new(item.as_str().unwrap_or_default()) {
                    Ok(pattern) => Some(pattern),
                    Err(why) => {
                        compiler.error(Code::BadGlob, format!("this is not a valid glob: {why}"), item.span);
                        None
                    }
                });
                Choice::Known(Select::Names(patterns.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?))
            }
            (ValueExpr::Constant(value), _) => match select(value) {
                Ok(select) => Choice::Known(select),
                Err(why) => {
                    compiler.error(Code::BadValue, why, node.span);
                    return None;
                }
            },
            _ => Choice::Filled(template),
        };
        Some(Chosen { choice, init, span: Some(node.span) })
    }
}

/// The selection for an evaluated `containers:`.
fn select(value: &Value) -> Result<Select, String> {
    match value {
        Value::String(word) if word == "task" => Ok(Select::Task),
        Value::String(word) if word == "all" => Ok(Select::All),
        Value::String(word) => Err(format!("expected {WANTED}, found `{word}`")),
        Value::Array(items) => {
            let pattern = |item: &Value| match item {
                Value::String(text) => {
                    NamePattern::new(text).map_err(|why| format!("`{text}` is not a valid glob: {why}"))
                }
                other => Err(format!("expected the name of a container, found {}", kind_of(other))),
            };
            Ok(Select::Names(items.iter().map(pattern).collect::<Result<_, _>>()?))
        }
        other => Err(format!("expected {WANTED}, found {}", kind_of(other))),
    }
}

/// A compiled choice of containers.
#[derive(Debug, Clone)]
pub struct Chosen {
    choice: Choice,
    init: bool,
    span: Option<Span>,
}

#[derive(Debug, Clone)]
enum Choice {
    Known(Select),
    Filled(ValueExpr),
}

impl Chosen {
    /// Where `containers:` is written, if it is.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The places of the containers.
    ///
    /// # Errors
    /// A name or glob matches no container.
    pub fn places(&self, cx: &mut OpContext<'_>) -> Result<Vec<Pointer>, Fault> {
        let filled;
        let select = match &self.choice {
            Choice::Known(select) => select,
            Choice::Filled(template) => {
                let value = cx.value(template)?;
                filled = select(&value).map_err(|why| self.fault(Code::ExpressionFailed, why))?;
                &filled
            }
        };
        let selected = pointers(cx.pod.root(), select, self.init);
        match selected.unmatched.first() {
            None => Ok(selected.pointers),
            Some(name) => Err(self.unmatched(cx.pod.root(), name)),
        }
    }

    /// The places of the containers. If the choice includes the task's container and the Pod has no container yet, it is
    /// created.
    ///
    /// # Errors
    /// A name or glob matches no container.
    pub fn places_created(&self, cx: &mut OpContext<'_>) -> Result<Vec<Pointer>, Fault> {
        if !matches!(self.choice, Choice::Known(Select::Names(_))) {
            let list = Pointer::of(["spec", "containers"]);
            let empty = match list.get(cx.pod.root()) {
                Some(Value::Array(items)) => items.is_empty(),
                Some(_) | None => true,
            };
            if empty {
                let error = |e: EditError| self.fault(Code::OperationFailed, e.to_string());
                cx.pod.ensure_list(&list).map_err(error)?;
                cx.pod.set_creating(&list.child(0), Value::Object(Default::default())).map_err(error)?;
            }
        }
        self.places(cx)
    }

    fn fault(&self, code: Code, message: String) -> Fault {
        let diagnostic = Diagnostic::new(code, message);
        Box::new(match self.span {
            Some(span) => diagnostic.at(span),
            None => diagnostic,
        })
    }

    /// The error of a name or glob that matches no container; it lists the containers.
    fn unmatched(&self, pod: &Value, name: &str) -> Fault {
        let names = |list: &str| -> Vec<&str> {
            let items = pod.get("spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
            items.into_iter().flatten().filter_map(|item| item.get("name")?.as_str()).collect()
        };
        let (mut there, before) = (names("containers"), names("initContainers"));
        let elsewhere = !self.init && NamePattern::new(name).is_ok_and(|p| before.iter().any(|n| p.matches(n)));
        if self.init {
            there.extend(before);
        }
        let list = there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = match there.len() {
            0 => format!("no container matches `{name}`: the Pod has no container with a name"),
            _ => format!("no container matches `{name}`: the Pod has {list}"),
        };
        let mut fault = self.fault(Code::NoMatch, message);
        fault.help = match did_you_mean(name, there) {
            _ if elsewhere => Some("it is an init container: add `init: true`".to_owned()),
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if name == "task" => {
                Some("for the task's container write `containers: task`, without brackets".to_owned())
            }
            None => None,
        };
        fault
    }
}

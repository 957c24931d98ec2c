//! `insert`: adds an element at an index of a list.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Diagnostic, Fault, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};
use serde_json::Value;

record! {
    /// Inserts `value` into a list, before the element at the index at the end of `path`. A negative index counts from the
    /// end: `[-1]` is before the last element. An index equal to the list's length appends; a larger one is an error. A
    /// singular path's list is created if it is missing.
    ///
    /// ```yaml
    /// - insert: {path: "$.spec.initContainers[0]", value: {name: first, image: "busybox:1.36"}}
    /// ```
    ///
    /// As a function of scripts it is `insert(path, value)`.
    pub struct Insert as "insert" {
        /// A JSONPath that ends in an index.
        required path: Text = "path",
        /// The element to insert.
        required value: Node = "value",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for Insert {
    const FUNCTION: Option<Function> = Some(("insert", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = compiler.path(&self.path);
        let value = compiler.value(&self.value);
        let whole = whole?;
        let Some((list, index)) = split_index(whole.as_str()) else {
            let error = Diagnostic::new(Code::BadPath, "the path of `insert` must end in an index").at(self.path.span);
            compiler.found.push(error.help(
                "write for example $.spec.tolerations[0]; to add at the start or the end, use prepend or append",
            ));
            return None;
        };
        compiler.check_value(&whole, &self.value);
        Some(Box::new(InsertOp { list, index, value: value?, optional: self.optional, written: self.path }))
    }
}

/// The path of a list and the index after it.
fn split_index(path: &str) -> Option<(Path, i64)> {
    let (list, index) = path.trim_end().strip_suffix(']')?.rsplit_once('[')?;
    // `$..[0]` is refused here: there is no path of a list before its index.
    Some((Path::parse_relative(list.trim_end()).ok()?, index.trim().parse().ok()?))
}

#[derive(Debug)]
struct InsertOp {
    list: Path,
    index: i64,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl InsertOp {
    fn index(&self, list: &Pointer, len: usize) -> Result<usize, Fault> {
        let counted = if self.index < 0 { self.index.saturating_add_unsigned(len as u64) } else { self.index };
        usize::try_from(counted).map_err(|_| {
            let message = format!("index {} is before the start of {list}, whose length is {len}", self.index);
            fault(Code::OperationFailed, message, self.written.span)
        })
    }
}

impl Operation for InsertOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let value = cx.value(&self.value)?;
        let places = match cx.target(&self.list) {
            Some(list) => vec![list],
            None => cx.select(&self.list, &self.written, self.optional)?,
        };
        for list in places {
            cx.ensure_list(&list, self.written.span)?;
            let len = cx.pod.get(&list).and_then(Value::as_array).map_or(0, Vec::len);
            let index = self.index(&list, len)?;
            cx.insert(&list, index, value.clone(), self.written.span)?;
        }
        Ok(())
    }
}

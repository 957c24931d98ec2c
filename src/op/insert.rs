//! `insert`: puts an element into a list.

use super::host::edit_fault;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic, Fault, fault};
use crate::edit::{EditError, Pointer};
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};
use serde_json::Value;

record! {
    /// Inserts `value` into a list, before the element at the index that `path` ends in. A negative index counts from
    /// the end: `[-1]` is before the last. The length of the list as index appends, a larger one is an error. The
    /// list of a singular path is created where it is missing.
    ///
    /// ```yaml
    /// - insert: {path: "$.spec.initContainers[0]", value: {name: first, image: "busybox:1.36"}}
    /// ```
    ///
    /// As a function of scripts it is `insert(path, value)`.
    pub struct Insert as "insert" {
        /// A JSONPath that ends in an index.
        required path: Text = "path",
        /// The element.
        required value: Node = "value",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for Insert {
    const NAME: &'static str = "insert";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("insert", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = compiler.path(&self.path);
        let value = compiler.value(&self.value);
        let whole = whole?;
        let Some((list, index)) = split_index(whole.as_str()) else {
            let error = Diagnostic::new(Code::BadPath, "the path of `insert` ends in an index").at(self.path.span);
            compiler.found.push(error.help("write $.spec.tolerations[0]; to add at an end use append or prepend"));
            return None;
        };
        compiler.check_value(&whole, &self.value);
        Some(Box::new(Compiled { list, index, value: value?, optional: self.optional, written: self.path }))
    }
}

/// The path of a list and the index after it.
fn split_index(path: &str) -> Option<(Path, i64)> {
    let (list, index) = path.trim_end().strip_suffix(']')?.rsplit_once('[')?;
    // `$..[0]` has no list in front of its index; it is refused here.
    Some((Path::parse_relative(list.trim_end()).ok()?, index.trim().parse().ok()?))
}

#[derive(Debug)]
struct Compiled {
    list: Path,
    index: i64,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl Compiled {
    fn index(&self, list: &Pointer, len: usize) -> Result<usize, Fault> {
        let counted = if self.index < 0 { self.index.saturating_add_unsigned(len as u64) } else { self.index };
        usize::try_from(counted).map_err(|_| {
            let message = format!("index {} is before the start of {list}, whose length is {len}", self.index);
            fault(Code::OperationFailed, message, self.written.span)
        })
    }
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let value = cx.value(&self.value)?;
        let places = match cx.target(&self.list) {
            Some(list) => vec![list],
            None => cx.select(&self.list, &self.written, self.optional)?,
        };
        for list in places {
            let failed = |e: EditError| edit_fault(&e, self.written.span);
            cx.pod.ensure_list(&list).map_err(failed)?;
            let len = cx.pod.get(&list).and_then(Value::as_array).map_or(0, Vec::len);
            let index = self.index(&list, len)?;
            cx.pod.insert(&list, index, value.clone()).map_err(failed)?;
        }
        Ok(())
    }
}

//! `insert`: an element before another.

use super::host::edit_fault;
use super::{Bench, Compiler, Fault, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic};
use crate::edit::Step;
use crate::expr::Template;
use crate::path::{Path, SingularStep};
use crate::record;
use crate::source::{Node, Text};

record! {
    /// Inserts `value` before the element that `path` names. An index equal to the list's length adds one at the end, a
    /// negative one counts from the end.
    ///
    /// ```yaml
    /// - insert: {path: "$.spec.tolerations[0]", value: {key: nvidia.com/gpu, operator: Exists}}
    /// ```
    pub struct Insert as "insert" {
        /// A JSONPath of names and indexes that ends in an index.
        required path: Text = "path",
        /// The value.
        required value: Node = "value",
    }
}

impl Parameters for Insert {
    const NAME: &'static str = "insert";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("insert", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let (path, value) = (compiler.path(&self.path), compiler.template(&self.value));
        let (path, value) = (path?, value?);
        let index = path.singular().and_then(|steps| steps.last().cloned());
        if !matches!(index, Some(SingularStep::Index(_))) {
            let message = "the path of `insert` is made of names and indexes, and ends in an index";
            let diagnostic = Diagnostic::new(Code::BadPath, message).at(self.path.span);
            compiler.found.push(diagnostic.help("write $.spec.tolerations[0]; to add at an end use append or prepend"));
            return None;
        }
        compiler.check_value(&path, &self.value);
        Some(Box::new(Compiled { path, value, written: self.path }))
    }
}

#[derive(Debug)]
struct Compiled {
    path: Path,
    value: Template,
    written: Text,
}

impl Operation for Compiled {
    fn apply(&self, bench: &mut Bench<'_>) -> Result<(), Fault> {
        let value = bench.value(&self.value)?;
        let Some(target) = bench.target(&self.path) else {
            return Err(bench.no_match(&self.path, &self.written));
        };
        let (Some(list), Some((Step::Index(index), _))) = (target.parent(), target.split_last()) else {
            return Err(bench.no_match(&self.path, &self.written));
        };
        let fault = |e| edit_fault(&e, self.written.span);
        bench.pod.ensure_list(&list).map_err(fault)?;
        bench.pod.insert(&list, *index, value).map_err(fault)
    }
}

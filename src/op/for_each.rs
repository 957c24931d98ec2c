//! `forEach`: operations for each match of a path.

use super::{Bench, Compiled, Compiler, Fault, Operation, Parameters, compile_all};
use crate::path::Path;
use crate::record;
use crate::rules;
use crate::source::Text;

record! {
    /// Runs `do` once for each match of `in`, found before the first run. In the paths of `do`, `@` is the match; in
    /// its expressions, `item` is.
    ///
    /// ```yaml
    /// - forEach:
    ///     in: $.spec.containers[*]
    ///     do:
    ///       - set: {path: "@.imagePullPolicy", value: IfNotPresent}
    /// ```
    pub struct ForEach as "forEach" {
        /// A JSONPath.
        required path: Text = "in",
        /// The operations.
        required operations: Vec<rules::Operation> = "do",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for ForEach {
    const NAME: &'static str = "forEach";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let path = compiler.path(&self.path);
        let outside = std::mem::replace(&mut compiler.names.item, true);
        let operations = compile_all(&self.operations, compiler);
        compiler.names.item = outside;
        let whole = operations.len() == self.operations.len();
        Some(Box::new(Loop { path: path.filter(|_| whole)?, operations, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct Loop {
    path: Path,
    operations: Vec<Compiled>,
    optional: bool,
    written: Text,
}

impl Operation for Loop {
    fn apply(&self, bench: &mut Bench<'_>) -> Result<(), Fault> {
        for place in bench.select(&self.path, &self.written, self.optional)? {
            for inner_step in &self.operations {
                let mut inner = Bench {
                    pod: bench.pod,
                    item: Some(&place),
                    host: bench.host,
                    warnings: bench.warnings,
                    skipped: false,
                };
                inner_step.operation.apply(&mut inner)?;
                if inner.skipped {
                    bench.skipped = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

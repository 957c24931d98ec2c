//! `script`: Rhai code on the live Pod.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::Fault;
use crate::expr;
use crate::record;
use crate::source::Text;
use std::time::Duration;

record! {
    /// Runs a [Rhai](https://rhai.rs/book/) script: its text, or `{code, timeout}`. `pod` is the Pod, which the script can
    /// change; every operation is also a function; `fail("why")` makes the rule fail, `skip()` skips the rest of the rule,
    /// and `log("…")` adds a line to the log.
    ///
    /// ```yaml
    /// - script: |
    ///     for c in pod.spec.containers { c.imagePullPolicy = "IfNotPresent"; }
    ///     set_env("WORKERS", 4);
    /// ```
    pub struct Script as "script", or "code" {
        /// The script.
        required code: Text = "code",
        /// How long the script may run, such as `500ms` or `2s`; 5s by default.
        optional timeout: Option<Text> = "timeout",
    }
}

impl Parameters for Script {
    const FUNCTION: Option<Function> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let script = compiler.script(&self.code);
        let timeout = match &self.timeout {
            Some(text) => Some(compiler.duration(text)?),
            None => None,
        };
        Some(Box::new(ScriptOp { script: script?, timeout }))
    }
}

#[derive(Debug)]
struct ScriptOp {
    script: expr::Script,
    timeout: Option<Duration>,
}

impl Operation for ScriptOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        cx.skipped = !cx.host.script(&self.script, self.timeout, cx.pod, cx.item)?;
        Ok(())
    }
}

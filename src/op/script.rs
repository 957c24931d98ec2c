//! `script`: Rhai code on the live Pod.

use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Diagnostics, Fault};
use crate::expr;
use crate::read::{Read, wrong};
use crate::record;
use crate::source::{Kind, Node, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::time::Duration;

record! {
    /// A script with its bound on time.
    pub struct ScriptKeys as "script" {
        /// The code.
        required code: Text = "code",
        /// How long it may take, such as `500ms` or `2s`; 5s if nothing is said.
        optional timeout: Option<Text> = "timeout",
    }
}

/// Runs a [Rhai](https://rhai.rs/book/) script. `pod` is live and writable, every operation is a function too, and
/// `fail("why")`, `skip()` and `log("…")` end, leave or explain.
///
/// ```yaml
/// - script: |
///     for c in pod.spec.containers { c.imagePullPolicy = "IfNotPresent"; }
///     set_env("WORKERS", 4);
/// ```
#[derive(Debug, Clone)]
pub struct Script(ScriptKeys);

impl Read for Script {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(code) => Some(Script(ScriptKeys { code: code.clone(), timeout: None })),
            Kind::Map(_) => ScriptKeys::read(node, found).map(Script),
            _ => wrong(node, "the text of a script, or `{code, timeout}`", found),
        }
    }
}

impl JsonSchema for Script {
    fn schema_name() -> Cow<'static, str> {
        "Script".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "string"}, generator.subschema_for::<ScriptKeys>()]})
    }
}

impl Parameters for Script {
    const NAME: &'static str = "script";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let script = compiler.script(&self.0.code);
        let timeout = match &self.0.timeout {
            Some(text) => Some(compiler.duration(text)?),
            None => None,
        };
        Some(Box::new(Compiled { script: script?, timeout }))
    }
}

#[derive(Debug)]
struct Compiled {
    script: expr::Script,
    timeout: Option<Duration>,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        cx.skipped = !cx.host.script(&self.script, self.timeout, cx.pod, cx.item)?;
        Ok(())
    }
}

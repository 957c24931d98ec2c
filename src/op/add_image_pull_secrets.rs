//! `addImagePullSecrets`: secrets for private registries.

use super::host::edit_fault;
use super::lists::{is_named, items, named, put};
use super::shapes::{Items, elements, filled, text_of};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use serde_json::Value;

record! {
    /// Adds image pull secrets; one that is there already is not added again.
    ///
    /// ```yaml
    /// - addImagePullSecrets: {names: [regcred, "${config.get('registry.secret')}"]}
    /// ```
    pub struct AddImagePullSecrets as "addImagePullSecrets" {
        /// The names of the secrets; `{name: …}`, as in a Pod, is fine too.
        required names: Items = "names",
    }
}

impl Parameters for AddImagePullSecrets {
    const NAME: &'static str = "addImagePullSecrets";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("add_image_pull_secrets", &["names"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = self.names.compile_each(compiler, |item, span| name_of(item, span).map(|_| ()))?;
        Some(Box::new(Compiled { template, span: self.names.0.span }))
    }
}

fn name_of(item: &Value, span: Span) -> Result<&str, Fault> {
    match item {
        Value::String(name) if !name.is_empty() => Ok(name),
        Value::String(_) => Err(fault(Code::BadValue, "the name of a secret is empty", span)),
        other => text_of(other, "name", "a secret", span),
    }
}

#[derive(Debug)]
struct Compiled {
    template: ValueExpr,
    span: Span,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let list = Pointer::from_iter(["spec".into(), "imagePullSecrets".into()]);
        let secrets = filled(cx, &self.template)?;
        for secret in elements(&secrets) {
            let name = name_of(secret, self.span)?;
            if !items(cx.pod, &list).iter().any(|item| is_named(item, "name", name)) {
                let item = Value::Object(named("name", name));
                put(cx.pod, &list, &item, false, |_| false).map_err(|e| edit_fault(&e, self.span))?;
            }
        }
        Ok(())
    }
}

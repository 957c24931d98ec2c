//! `addImagePullSecrets`: secrets for private registries.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::lists::{is_named, items, named, put};
use super::operation::Operation;
use super::shapes::{Items, elements, filled, text_of};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use serde_json::Value;

record! {
    /// Adds image pull secrets that the Pod doesn't have yet.
    ///
    /// ```yaml
    /// - addImagePullSecrets: {names: [regcred, '${config.get("registry.secret")}']}
    /// ```
    pub struct AddImagePullSecrets as "addImagePullSecrets" {
        /// The names of the secrets; `{name: …}`, as in a Pod, is also accepted.
        required names: Items = "names",
    }
}

impl Parameters for AddImagePullSecrets {
    const FUNCTION: Option<Function> = Some(("add_image_pull_secrets", &["names"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = self.names.compile_each(compiler, |item, span| name_of(item, span).map(|_| ()))?;
        Some(Box::new(AddImagePullSecretsOp { template, span: self.names.0.span }))
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
struct AddImagePullSecretsOp {
    template: ValueExpr,
    span: Span,
}

impl Operation for AddImagePullSecretsOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let list = Pointer::of(["spec", "imagePullSecrets"]);
        let secrets = filled(cx, &self.template)?;
        for secret in elements(&secrets) {
            let name = name_of(secret, self.span)?;
            if !items(cx.pod, &list).iter().any(|item| is_named(item, "name", name)) {
                let item = Value::Object(named("name", name));
                put(cx, &list, &item, false, |_| false, self.span)?;
            }
        }
        Ok(())
    }
}

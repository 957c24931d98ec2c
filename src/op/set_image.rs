//! `setImage`: the image of containers.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::filled_text;
use crate::diagnostic::{Code, Diagnostic, Fault, Span, did_you_mean};
use crate::expr::ValueExpr;
use crate::record;
use crate::source::Text;
use serde_json::Value;

record! {
    /// Sets the image of containers and, optionally, the pull policy.
    ///
    /// ```yaml
    /// - setImage: {image: 'registry.local/train:${task.param("Args/tag", "latest")}', pullPolicy: Always}
    /// ```
    pub struct SetImage as "setImage" {
        /// The image, such as `ubuntu:22.04`.
        required image: Text = "image",
        /// When the image is pulled: `Always`, `IfNotPresent` or `Never`.
        optional policy: Option<Text> = "pullPolicy",
        /// The containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

const POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

impl Parameters for SetImage {
    const FUNCTION: Option<Function> = Some(("set_image", &["image", "pullPolicy"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler);
        let image = compiler.text(&self.image);
        if let Some(Value::String(constant)) = image.as_ref().and_then(ValueExpr::constant)
            && constant.is_empty()
        {
            compiler.error(Code::BadValue, "the image is empty", self.image.span);
            return None;
        }
        let policy = match &self.policy {
            None => None,
            Some(text) => {
                let template = compiler.text(text)?;
                if let Some(Value::String(word)) = template.constant()
                    && !POLICIES.contains(&word.as_str())
                {
                    let message = format!("expected `Always`, `IfNotPresent` or `Never`, found `{word}`");
                    let mut error = Diagnostic::new(Code::BadValue, message).at(text.span);
                    error.help = did_you_mean(word, POLICIES).map(|near| format!("did you mean `{near}`?"));
                    compiler.found.push(error);
                    return None;
                }
                Some((template, text.span))
            }
        };
        Some(Box::new(SetImageOp { image: image?, policy, containers: containers?, span: self.image.span }))
    }
}

#[derive(Debug)]
struct SetImageOp {
    image: ValueExpr,
    policy: Option<(ValueExpr, Span)>,
    containers: Chosen,
    span: Span,
}

impl Operation for SetImageOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let image = filled_text(cx, &self.image, "the image", self.span)?;
        let policy = match &self.policy {
            Some((template, span)) => Some(filled_text(cx, template, "`pullPolicy`", *span)?),
            None => None,
        };
        for container in self.containers.places_created(cx)? {
            let fields = [("image", Some(&image)), ("imagePullPolicy", policy.as_ref())];
            for (key, text) in fields.into_iter().filter_map(|(key, text)| Some((key, text?))) {
                let value = Value::String(text.to_string());
                cx.set_creating(&container.child(key), value, self.span)?;
            }
        }
        Ok(())
    }
}

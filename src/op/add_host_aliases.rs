//! `addHostAliases`: entries of the Pod's /etc/hosts.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::lists::{is_named, items, named, put};
use super::operation::Operation;
use super::shapes::{Items, elements, filled, not, text_of};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use serde_json::Value;

record! {
    /// Adds host names for IP addresses. If the Pod has the address already, the names it lacks are added there.
    ///
    /// ```yaml
    /// - addHostAliases:
    ///     hostAliases: [{ip: 10.0.0.5, hostnames: [nas, nas.local]}]
    /// ```
    pub struct AddHostAliases as "addHostAliases" {
        /// One or more objects `{ip, hostnames}`.
        required aliases: Items = "hostAliases",
    }
}

impl Parameters for AddHostAliases {
    const FUNCTION: Option<Function> = Some(("add_host_aliases", &["hostAliases"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = self.aliases.compile_each(compiler, |item, span| alias(item, span).map(|_| ()))?;
        Some(Box::new(AddHostAliasesOp { template, span: self.aliases.0.span }))
    }
}

/// The address and the names of a host alias.
fn alias(item: &Value, span: Span) -> Result<(&str, &[Value]), Fault> {
    let ip = text_of(item, "ip", "a host alias", span)?;
    match item.get("hostnames") {
        Some(Value::Array(names)) if !names.is_empty() => match names.iter().find(|name| !name.is_string()) {
            Some(other) => Err(not("a host name", "text", other, span)),
            None => Ok((ip, names)),
        },
        // An expression may give the list; its result is checked when the rule runs.
        Some(Value::String(text)) if text.contains("${") => Ok((ip, &[])),
        Some(Value::Array(_)) | None => {
            Err(fault(Code::BadValue, format!("the host alias of {ip} has no `hostnames`"), span))
        }
        Some(other) => Err(not(&format!("`hostnames` of {ip}"), "a list", other, span)),
    }
}

#[derive(Debug)]
struct AddHostAliasesOp {
    template: ValueExpr,
    span: Span,
}

impl Operation for AddHostAliasesOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let list = Pointer::of(["spec", "hostAliases"]);
        let aliases = filled(cx, &self.template)?;
        for item in elements(&aliases) {
            let (ip, names) = alias(item, self.span)?;
            if names.is_empty() {
                return Err(not(&format!("`hostnames` of {ip}"), "a list", &item["hostnames"], self.span));
            }
            self.add(cx, &list, ip, names)?;
        }
        Ok(())
    }
}

impl AddHostAliasesOp {
    fn add(&self, cx: &mut OpContext<'_>, list: &Pointer, ip: &str, names: &[Value]) -> Result<(), Fault> {
        let Some(place) = items(cx.pod, list).iter().position(|item| is_named(item, "ip", ip)) else {
            let mut alias = named("ip", ip);
            let mut once: Vec<Value> = Vec::with_capacity(names.len());
            for name in names {
                if !once.contains(name) {
                    once.push(name.clone());
                }
            }
            alias.insert("hostnames".to_owned(), Value::Array(once));
            return put(cx, list, &Value::Object(alias), false, |_| false, self.span);
        };
        let hostnames = list.child(place).child("hostnames");
        for name in names {
            put(cx, &hostnames, name, false, |other| other == name, self.span)?;
        }
        Ok(())
    }
}

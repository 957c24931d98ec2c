//! A rules file: one or several YAML documents of `kind: Rules`.

use super::{Rule, rule};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, Span, did_you_mean};
use crate::read::{self, Read};
use crate::record;
use crate::source::{Kind, Node, Text, yaml};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// The version of the language that this podrules reads.
pub const API_VERSION: &str = "podrules.io/v1";
/// The kind of a rules file.
pub const KIND: &str = "Rules";

record! {
    /// A rules file of podrules.
    pub struct RulesDocument as "Rules" {
        /// The version of the language.
        required api_version: ApiVersion = "apiVersion",
        /// What this document is.
        required kind: RulesKind = "kind",
        /// Environment variables that expressions may read, as `env.NAME`; no others are visible.
        optional env: Vec<Text> = "env",
        /// Values with names, as `vars.NAME`; each is worked out once a task, on first use.
        optional vars: Vars = "vars",
        /// The rules, in the order in which they run.
        required rules: Vec<Rule> = "rules",
    }
}

macro_rules! constant {
    ($name:ident, $value:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone)]
        pub struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"const": $value})
            }
        }

        impl Read for $name {
            fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
                if node.as_str() == Some($value) {
                    return Some($name);
                }
                let given = node.as_str().map_or_else(|| node.kind_name().to_owned(), |word| format!("`{word}`"));
                found.push(
                    Diagnostic::new(Code::NotRules, format!("expected `{}`, found {given}", $value)).at(node.span),
                );
                None
            }
        }
    };
}

constant!(ApiVersion, API_VERSION, "`podrules.io/v1`.");
constant!(RulesKind, KIND, "`Rules`.");

/// The `vars:` of a file, in the order written.
#[derive(Debug, Clone, Default)]
pub struct Vars(pub Vec<(Text, Node)>);

impl Read for Vars {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Vars(entries.clone())),
            Kind::Null => Some(Vars::default()),
            _ => read::wrong(node, "an object of names and values", found),
        }
    }
}

impl JsonSchema for Vars {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Vars".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": true})
    }
}

/// Rules that belong together: a document, or a list in a values file.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// The variables its expressions may read from the environment.
    pub env: Vec<Text>,
    /// Its named values.
    pub vars: Vec<(Text, Node)>,
    /// The rules, each with whether all of it could be read.
    pub rules: Vec<(rule::Rule, bool)>,
}

/// Reads a rules file. What can be read is given even where other rules have mistakes, so that all can be checked.
pub fn read_file(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Vec<RuleSet> {
    let mut syntax = Diagnostics::new();
    let documents = yaml::read(sources, file, &mut syntax);
    if documents.is_empty() && !syntax.has_errors() {
        found.push(
            Diagnostic::new(Code::NotRules, format!("{} holds no rules", sources.name(file)))
                .at(Span::new(file, 0, 0))
                .help(format!("a rules file starts with `apiVersion: {API_VERSION}` and `kind: {KIND}`")),
        );
    }
    found.extend(syntax.into_vec());
    documents.iter().filter_map(|document| read_document(document, found)).collect()
}

fn read_document(document: &Node, found: &mut Diagnostics) -> Option<RuleSet> {
    if let Some(hint) = other_document(document) {
        found.push(hint);
        return None;
    }
    let known = &["apiVersion", "kind", "env", "vars", "rules"];
    let fields = read::Fields::open(document, "Rules", known, found)?;
    let _ = fields.required::<ApiVersion>("apiVersion", found);
    let _ = fields.required::<RulesKind>("kind", found);
    let env = fields.optional("env", found).unwrap_or_default();
    let vars = fields.optional::<Vars>("vars", found).unwrap_or_default().0;
    let rules = match document.get("rules") {
        Some(node) => read_list(node, found),
        None => {
            let _ = fields.required::<Node>("rules", found);
            Vec::new()
        }
    };
    Some(RuleSet { env, vars, rules })
}

/// A document that is something else altogether: one error says more than ten unknown keys.
fn other_document(document: &Node) -> Option<Diagnostic> {
    let error = |message: String, span| Some(Diagnostic::new(Code::NotRules, message).at(span));
    if let Some((key, _)) = document.entry("agentk8sglue") {
        let hint = error("this is a values file of the ClearML agent's chart, not a rules file".into(), key.span);
        return hint.map(|d| d.help("give it with -f; its rules under agentk8sglue.rules are read from there"));
    }
    match document.get("kind") {
        Some(kind) if kind.as_str() != Some(KIND) => {
            let name = kind.as_str().unwrap_or("something else");
            let help = match did_you_mean(name, [KIND]) {
                Some(_) => format!("write `kind: {KIND}`"),
                None => format!("a rules file starts with `apiVersion: {API_VERSION}` and `kind: {KIND}`"),
            };
            error(format!("this document is of kind `{name}`, not `{KIND}`"), kind.span).map(|d| d.help(help))
        }
        _ => None,
    }
}

/// Reads a list of rules, each with whether all of it could be read.
pub fn read_list(node: &Node, found: &mut Diagnostics) -> Vec<(rule::Rule, bool)> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| rule::Rule::read_partly(item, found)).collect(),
        Kind::Null => Vec::new(),
        _ => {
            let _ = read::wrong::<()>(node, "a list of rules", found);
            Vec::new()
        }
    }
}

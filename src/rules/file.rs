//! A rules file: one or several YAML documents of `kind: Rules`.

use super::rule::Rule;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources, Span, did_you_mean};
use crate::read::{Partial, Read, StandIn, wrong};
use crate::source::{Kind, Node, Text, yaml};
use crate::{record, schema};

/// The version of the language that this podrules reads.
pub const API_VERSION: &str = "podrules.io/v1";
/// The kind of a rules file.
pub const KIND: &str = "Rules";

record! {
    /// A rules file of podrules.
    pub struct RulesDocument as "Rules", partly {
        /// The version of the language, `podrules.io/v1`.
        required api_version: ApiVersion = "apiVersion",
        /// The kind of the document, `Rules`.
        required kind: RulesKind = "kind",
        /// Names of the environment variables that expressions may read, as `env.NAME`; no others are visible.
        optional env: Vec<Text> = "env",
        /// Named values that expressions read as `vars.NAME`, evaluated once per task, on first use.
        optional vars: Vars = "vars",
        /// The rules, in the order in which they run.
        required rules: Vec<Partial<Rule>> = "rules",
    }
}

macro_rules! constant {
    ($name:ident, $value:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone)]
        pub struct $name;

        schema!(inline $name, {"const": $value});

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

        impl StandIn for $name {
            fn stand_in(_: &Node) -> Self {
                $name
            }
        }
    };
}

constant!(ApiVersion, API_VERSION, "The text `podrules.io/v1`.");
constant!(RulesKind, KIND, "The text `Rules`.");

/// The `vars:` of a file, in the order written.
#[derive(Debug, Clone, Default)]
pub struct Vars(pub Vec<(Text, Node)>);

impl Read for Vars {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Vars(entries.clone())),
            Kind::Null => Some(Vars::default()),
            _ => wrong(node, "an object of names and values", found),
        }
    }
}

schema!(inline Vars, {"type": "object", "additionalProperties": true});

/// Rules with common names: those of a document, or of a list in a values file.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// The environment variables that its expressions may read.
    pub env: Vec<Text>,
    /// Its named values.
    pub vars: Vec<(Text, Node)>,
    /// The rules, as far as they could be read.
    pub rules: Vec<Partial<Rule>>,
}

/// Reads a rules file. Rules without mistakes are returned even if others have some, so that all can be checked.
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
    let RulesDocument { env, vars, rules, .. } = RulesDocument::read_partly(document, found)?;
    Some(RuleSet { env, vars: vars.0, rules })
}

/// The error of a document that is not rules at all: it says more than one error for each unknown key.
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

/// Reads a list of rules, as far as they can be read.
pub fn read_list(node: &Node, found: &mut Diagnostics) -> RuleSet {
    RuleSet { rules: Vec::read_partly(node, found).unwrap_or_default(), ..RuleSet::default() }
}

//! The stable code of every kind of finding. A code never changes its meaning; docs/errors.md lists them.

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// A kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// How bad such a finding is, unless `--strict` says more.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)+ }
            }

            /// One sentence on what it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc, "\n"),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// A file can't be read, or isn't UTF-8, or is too large.
    Input = "input", Error;
    /// The text isn't YAML, or uses what podrules doesn't accept of it.
    Yaml = "yaml", Error;
    /// The text isn't JSON.
    Json = "json", Error;
    /// A key stands twice in one mapping.
    DuplicateKey = "duplicate-key", Error;
    /// An unquoted word that YAML 1.1 (and so Helm and kubectl) reads as a boolean or another number.
    AmbiguousScalar = "ambiguous-scalar", Warning;
    /// A key that has no meaning here.
    UnknownKey = "unknown-key", Error;
    /// A key that must be there is not.
    MissingKey = "missing-key", Error;
    /// A value of another type than the key takes.
    WrongType = "wrong-type", Error;
    /// A value out of what the key accepts.
    BadValue = "bad-value", Error;
    /// A document that is not a rules file.
    NotRules = "not-rules", Error;
    /// An operation that doesn't exist.
    UnknownOperation = "unknown-operation", Error;
    /// Two rules of one name.
    DuplicateRule = "duplicate-rule", Error;
    /// A rule that can never run.
    NeverRuns = "never-runs", Warning;
    /// A rule for a queue that the values don't have.
    UnknownQueue = "unknown-queue", Warning;
    /// A JSONPath that can't be parsed, or can't be used here.
    BadPath = "bad-path", Error;
    /// An expression that can't be parsed.
    BadExpression = "bad-expression", Error;
    /// A script that can't be parsed.
    BadScript = "bad-script", Error;
    /// A variable that doesn't exist in an expression or a script.
    UnknownVariable = "unknown-variable", Error;
    /// A function that doesn't exist in an expression or a script.
    UnknownFunction = "unknown-function", Error;
    /// A regular expression that can't be parsed.
    BadRegex = "bad-regex", Error;
    /// A glob that can't be parsed.
    BadGlob = "bad-glob", Error;
    /// `vars:` that need one another in a circle.
    VarsCycle = "vars-cycle", Error;
    /// Something that can't be run here, such as a Python hook where there is no Python.
    Unsupported = "unsupported", Error;
    /// A path that matches nothing in the Pod.
    NoMatch = "no-match", Error;
    /// An operation that can't be done on the Pod as it stands.
    OperationFailed = "operation-failed", Error;
    /// An expression that failed while it was worked out.
    ExpressionFailed = "expression-failed", Error;
    /// A script that failed, or called `fail()`.
    ScriptFailed = "script-failed", Error;
    /// A Python hook that raised an exception, or ended the process it ran in.
    HookFailed = "hook-failed", Error;
    /// A Python hook that didn't return `{"template": template}`, or returned what can't be written as JSON.
    HookResult = "hook-result", Error;
    /// A Python hook that can't be imported: no such module or function, a syntax error, an exception on import.
    HookImport = "hook-import", Error;
    /// A command of the values, around a Pod's life, that failed or can't be filled in.
    Command = "command", Error;
    /// The Python interpreter can't be started, or doesn't answer as it should.
    Python = "python", Error;
    /// A bound on work, size or time was hit.
    LimitExceeded = "limit-exceeded", Error;
    /// A rule that failed and was skipped, as its `onError: skip` asks.
    RuleSkipped = "rule-skipped", Warning;
    /// `substitute` found none of its tokens.
    NothingSubstituted = "nothing-substituted", Warning;
    /// Environment variables that refer to one another in a circle, which Kubernetes doesn't expand.
    EnvCycle = "env-cycle", Warning;
    /// A field that the Pod schema doesn't have.
    UnknownField = "unknown-field", Warning;
    /// A field of another type than the Pod schema says.
    WrongFieldType = "wrong-field-type", Error;
    /// A field that the Pod schema requires is missing.
    MissingField = "missing-field", Error;
    /// A name that Kubernetes refuses.
    BadName = "bad-name", Error;
    /// A resource quantity that Kubernetes refuses.
    BadQuantity = "bad-quantity", Error;
    /// Two entries of one name where Kubernetes takes one.
    DuplicateName = "duplicate-name", Error;
    /// A reference to something that the Pod doesn't have, such as a mount without its volume.
    DanglingReference = "dangling-reference", Error;
    /// A value that Kubernetes refuses.
    BadFieldValue = "bad-field-value", Error;
    /// The command line asks for something that can't be done.
    Usage = "usage", Error;
    /// A queue must be named.
    Queue = "queue", Error;
    /// The values file can't be turned into a template.
    Values = "values", Error;
    /// The context file has a mistake.
    Context = "context", Error;
    /// The kubeconfig can't be used, or there is none.
    Kubeconfig = "kubeconfig", Error;
    /// The API server can't be reached, or doesn't answer.
    ApiUnreachable = "api-unreachable", Error;
    /// The API server doesn't let us do it: who we are isn't known to it, or has no right to.
    ApiForbidden = "api-forbidden", Error;
    /// The API server refuses an object.
    ApiRefused = "api-refused", Error;
    /// The API server warns of an object that it has taken.
    ApiWarning = "api-warning", Warning;
    /// Another manager has set the field to something else.
    ApiConflict = "api-conflict", Error;
    /// An object of this name is there, and isn't of this task.
    NotOurs = "not-ours", Error;
    /// An object of this name is still being removed.
    BeingRemoved = "being-removed", Error;
    /// A kind that the cluster doesn't have.
    UnknownKind = "unknown-kind", Error;
    /// A companion of a kind that belongs to no namespace.
    ClusterScoped = "cluster-scoped", Error;
    /// The Pod failed, or can't start.
    PodFailed = "pod-failed", Error;
    /// The Pod has not started in the time that was given.
    WaitTimeout = "wait-timeout", Error;
    /// The work was broken off by a signal.
    Interrupted = "interrupted", Error;
}

//! The stable code of every kind of finding. A code never changes its meaning; docs/errors.md lists them.

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// A kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The severity of such a finding without `--strict`.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)+ }
            }

            /// A sentence that says what the code means.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc, "\n"),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// A file can't be read, isn't UTF-8, or is too large.
    Input = "input", Error;
    /// The text isn't valid YAML, or uses a tag or a key that isn't supported.
    Yaml = "yaml", Error;
    /// The text isn't valid JSON.
    Json = "json", Error;
    /// A key appears twice in one mapping.
    DuplicateKey = "duplicate-key", Error;
    /// An unquoted word that YAML 1.1 (and so Helm and kubectl) reads as a boolean or a different number.
    AmbiguousScalar = "ambiguous-scalar", Warning;
    /// A key that isn't known here.
    UnknownKey = "unknown-key", Error;
    /// A required key is missing.
    MissingKey = "missing-key", Error;
    /// A value has the wrong type for its key.
    WrongType = "wrong-type", Error;
    /// A value that the key doesn't accept.
    BadValue = "bad-value", Error;
    /// A document that is not a rules file.
    NotRules = "not-rules", Error;
    /// An operation that doesn't exist.
    UnknownOperation = "unknown-operation", Error;
    /// Two rules with the same name.
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
    /// Entries of `vars` that depend on one another in a cycle.
    VarsCycle = "vars-cycle", Error;
    /// Something that isn't supported here, such as a Python hook without Python.
    Unsupported = "unsupported", Error;
    /// A path that matches nothing in the Pod.
    NoMatch = "no-match", Error;
    /// An operation that can't be applied to the Pod in its current state.
    OperationFailed = "operation-failed", Error;
    /// An expression that failed when it was evaluated.
    ExpressionFailed = "expression-failed", Error;
    /// A script that failed, or called `fail()`.
    ScriptFailed = "script-failed", Error;
    /// A Python hook that raised an exception, or ended its process.
    HookFailed = "hook-failed", Error;
    /// A Python hook that returned something other than `{"template": template}`, or a template that JSON can't represent.
    HookResult = "hook-result", Error;
    /// A Python hook that can't be imported: no such module or function, a syntax error, an exception on import.
    HookImport = "hook-import", Error;
    /// A pre-apply or post-delete command in the values that failed, or has a placeholder that can't be filled in.
    Command = "command", Error;
    /// The Python interpreter can't be started, or stopped communicating.
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
    /// The command line can't be carried out as given.
    Usage = "usage", Error;
    /// The values have several queues, and none was selected.
    Queue = "queue", Error;
    /// The values file can't be turned into a template.
    Values = "values", Error;
    /// The context file has a mistake.
    Context = "context", Error;
    /// The kubeconfig can't be used, or there is none.
    Kubeconfig = "kubeconfig", Error;
    /// The API server can't be reached, or doesn't respond.
    ApiUnreachable = "api-unreachable", Error;
    /// The API server didn't accept the credentials, or they lack a permission.
    ApiForbidden = "api-forbidden", Error;
    /// The API server refuses an object.
    ApiRefused = "api-refused", Error;
    /// The API server accepted an object with a warning.
    ApiWarning = "api-warning", Warning;
    /// Another manager has set the field to something else.
    ApiConflict = "api-conflict", Error;
    /// An object of this name already exists and belongs to something else.
    NotOurs = "not-ours", Error;
    /// An object of this name is still being deleted.
    BeingRemoved = "being-removed", Error;
    /// A kind that the cluster doesn't have.
    UnknownKind = "unknown-kind", Error;
    /// A companion of a kind that is cluster-scoped.
    ClusterScoped = "cluster-scoped", Error;
    /// The Pod failed, or can't start.
    PodFailed = "pod-failed", Error;
    /// The Pod didn't start in the given time.
    WaitTimeout = "wait-timeout", Error;
    /// The command was interrupted by a signal.
    Interrupted = "interrupted", Error;
}

//! The compiled form of a path: what the walker reads. Everything that can be wrong was found before it's built.

use regex::Regex;
use serde_json::Value;
use smol_str::SmolStr;

/// One part of a query: `.name`, `[…]`, or either after `..`.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Whether it looks at every node below, too.
    pub descendant: bool,
    /// What it picks of each node, in order.
    pub selectors: Box<[Selector]>,
}

/// What is picked of one node.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    Key(SmolStr),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Filter),
}

/// A condition on one child.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Any(Box<[Filter]>),
    All(Box<[Filter]>),
    Not(Box<Filter>),
    Exists(Query),
    Compare(Comparison, Operand, Operand),
    Matches(RegexTest),
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A query inside of a filter.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// `$` if so, else `@`.
    pub from_root: bool,
    pub segments: Box<[Segment]>,
}

/// What gives one value, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Literal(Value),
    Singular { from_root: bool, steps: Box<[SingularStep]> },
    Length(Box<Operand>),
    Count(Query),
    ValueOf(Query),
}

/// `match(…)` and `search(…)`.
#[derive(Debug, Clone)]
pub(super) struct RegexTest {
    pub subject: Operand,
    pub pattern: Pattern,
    /// The whole string has to match: `match`, not `search`.
    pub anchored: bool,
}

/// The second argument of `match` and `search`.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// Written in the path.
    Ready(Regex),
    /// Read from the document.
    Computed(Operand),
    /// A literal that is no string, or no regular expression: matches nothing.
    Never,
}

/// One step of a singular query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SingularStep {
    /// Into an object.
    Key(SmolStr),
    /// Into a list; a negative one counts from its end.
    Index(i64),
}

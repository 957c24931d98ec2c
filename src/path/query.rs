//! The compiled form of a path, which the walk reads. All mistakes were found before it is built.

use regex::Regex;
use serde_json::Value;
use smol_str::SmolStr;

/// One part of a query: `.name`, `[…]`, or either after `..`.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Whether it applies to every node below, too.
    pub descendant: bool,
    /// What it selects of each node, in order.
    pub selectors: Box<[Selector]>,
}

/// What is selected of one node.
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

/// A query inside a filter.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// Whether it begins with `$`, not with `@`.
    pub from_root: bool,
    pub segments: Box<[Segment]>,
}

/// An operand, which has one value or none.
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
    /// Whether the complete string must match: `match`, not `search`.
    pub anchored: bool,
}

/// The second argument of `match` and `search`.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// Written in the path.
    Ready(Regex),
    /// Read from the document.
    Computed(Operand),
    /// A literal that isn't a string or isn't a valid regular expression: it matches nothing.
    Never,
}

/// One step of a singular query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SingularStep {
    /// The key of an object.
    Key(SmolStr),
    /// The index of an element; a negative one counts from the end.
    Index(i64),
}

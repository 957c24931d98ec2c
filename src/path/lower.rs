//! Compiles the parser's tree into ours. Refuses what the parser accepts although RFC 9535 doesn't: function arguments and
//! results of the wrong type, functions of the parser's own, malformed numbers.

use super::query::{Comparison, Filter, Operand, Pattern, Query, RegexTest, Segment, Selector, SingularStep};
use super::regexp;
use jsonpath_rust::parser::model as tree;
use serde_json::{Number, Value};
use smol_str::SmolStr;

/// What is wrong, and the word in the path that it concerns.
pub(super) struct Refused {
    pub word: String,
    pub message: String,
}

type Lowered<T> = Result<T, Refused>;

fn refuse<T>(word: impl Into<String>, message: impl Into<String>) -> Lowered<T> {
    Err(Refused { word: word.into(), message: message.into() })
}

/// Compiles the segments of a query.
pub(super) fn segments(from: &[tree::Segment]) -> Lowered<Box<[Segment]>> {
    from.iter().map(|one| segment(one, false)).collect()
}

fn segment(from: &tree::Segment, descendant: bool) -> Lowered<Segment> {
    match from {
        tree::Segment::Descendant(inner) => segment(inner, true),
        tree::Segment::Selector(one) => Ok(Segment { descendant, selectors: Box::new([selector(one)?]) }),
        tree::Segment::Selectors(many) => {
            Ok(Segment { descendant, selectors: many.iter().map(selector).collect::<Lowered<_>>()? })
        }
    }
}

fn selector(from: &tree::Selector) -> Lowered<Selector> {
    Ok(match from {
        tree::Selector::Name(name) => Selector::Key(SmolStr::new(name)),
        tree::Selector::Wildcard => Selector::Wildcard,
        tree::Selector::Index(index) => Selector::Index(*index),
        tree::Selector::Slice(start, end, step) => {
            Selector::Slice { start: *start, end: *end, step: step.unwrap_or(1) }
        }
        tree::Selector::Filter(condition) => Selector::Filter(filter(condition)?),
    })
}

fn filter(from: &tree::Filter) -> Lowered<Filter> {
    Ok(match from {
        tree::Filter::Or(parts) => Filter::Any(parts.iter().map(filter).collect::<Lowered<_>>()?),
        tree::Filter::And(parts) => Filter::All(parts.iter().map(filter).collect::<Lowered<_>>()?),
        tree::Filter::Atom(one) => atom(one)?,
    })
}

fn atom(from: &tree::FilterAtom) -> Lowered<Filter> {
    let (inner, not) = match from {
        tree::FilterAtom::Filter { expr, not } => (filter(expr)?, *not),
        tree::FilterAtom::Test { expr, not } => (test(expr)?, *not),
        tree::FilterAtom::Comparison(compared) => (comparison(compared)?, false),
    };
    Ok(if not { Filter::Not(Box::new(inner)) } else { inner })
}

fn test(from: &tree::Test) -> Lowered<Filter> {
    let function = match from {
        tree::Test::RelQuery(_) | tree::Test::AbsQuery(_) => return Ok(Filter::Exists(query(from, "")?)),
        tree::Test::Function(function) => function.as_ref(),
    };
    let (name, subject, pattern) = match function {
        tree::TestFunction::Match(subject, pattern) => ("match", subject, pattern),
        tree::TestFunction::Search(subject, pattern) => ("search", subject, pattern),
        tree::TestFunction::Custom(name, _) => return unknown(name),
        other => {
            let name = name_of(other);
            return refuse(name, format!("{name}(…) gives a value: compare it with something, as in {name}(@.a) == 1"));
        }
    };
    let anchored = name == "match";
    let pattern = match value_argument(pattern, name)? {
        Operand::Literal(Value::String(text)) => match regexp::compile(&text, anchored) {
            Ok(regex) => Pattern::Ready(regex),
            Err(why) => return refuse(text.clone(), format!("'{text}' is not a valid regular expression: {why}")),
        },
        Operand::Literal(_) => Pattern::Never,
        computed => Pattern::Computed(computed),
    };
    Ok(Filter::Matches(RegexTest { subject: value_argument(subject, name)?, pattern, anchored }))
}

fn comparison(from: &tree::Comparison) -> Lowered<Filter> {
    use tree::Comparison as C;
    let how = match from {
        C::Eq(..) => Comparison::Eq,
        C::Ne(..) => Comparison::Ne,
        C::Gt(..) => Comparison::Gt,
        C::Gte(..) => Comparison::Ge,
        C::Lt(..) => Comparison::Lt,
        C::Lte(..) => Comparison::Le,
    };
    let (left, right) = from.vals();
    Ok(Filter::Compare(how, comparable(left)?, comparable(right)?))
}

fn comparable(from: &tree::Comparable) -> Lowered<Operand> {
    match from {
        tree::Comparable::Literal(value) => literal(value),
        tree::Comparable::Function(function) => value_function(function),
        tree::Comparable::SingularQuery(query) => Ok(match query {
            tree::SingularQuery::Current(steps) => Operand::Singular { from_root: false, steps: singular(steps) },
            tree::SingularQuery::Root(steps) => Operand::Singular { from_root: true, steps: singular(steps) },
        }),
    }
}

fn singular(from: &[tree::SingularQuerySegment]) -> Box<[SingularStep]> {
    from.iter()
        .map(|step| match step {
            tree::SingularQuerySegment::Index(index) => SingularStep::Index(*index),
            tree::SingularQuerySegment::Name(name) => SingularStep::Key(SmolStr::new(name)),
        })
        .collect()
}

/// The steps of a query that can select one node at most.
pub(super) fn as_singular(segments: &[Segment]) -> Option<Box<[SingularStep]>> {
    segments
        .iter()
        .map(|segment| match (segment.descendant, segment.selectors.as_ref()) {
            (false, [Selector::Key(key)]) => Some(SingularStep::Key(key.clone())),
            (false, [Selector::Index(index)]) => Some(SingularStep::Index(*index)),
            _ => None,
        })
        .collect()
}

fn literal(from: &tree::Literal) -> Lowered<Operand> {
    Ok(Operand::Literal(match from {
        tree::Literal::Int(int) => Value::from(*int),
        tree::Literal::Float(float) => match Number::from_f64(*float) {
            Some(number) => Value::Number(number),
            None => return refuse("e", "this number is too large"),
        },
        tree::Literal::String(text) => Value::from(text.as_str()),
        tree::Literal::Bool(bool) => Value::from(*bool),
        tree::Literal::Null => Value::Null,
    }))
}

/// A function whose result is a value.
fn value_function(from: &tree::TestFunction) -> Lowered<Operand> {
    match from {
        tree::TestFunction::Length(of) => Ok(Operand::Length(Box::new(value_argument(of, "length")?))),
        tree::TestFunction::Count(of) => Ok(Operand::Count(nodes_argument(of, "count")?)),
        tree::TestFunction::Value(of) => Ok(Operand::ValueOf(nodes_argument(of, "value")?)),
        tree::TestFunction::Custom(name, _) => unknown(name),
        other => {
            let name = name_of(other);
            refuse(name, format!("{name}(…) is already true or false: it can't be compared or passed on"))
        }
    }
}

fn value_argument(from: &tree::FnArg, function: &str) -> Lowered<Operand> {
    match from {
        tree::FnArg::Literal(value) => literal(value),
        tree::FnArg::Filter(_) => refuse(function, format!("{function}(…) takes a value, not a condition")),
        tree::FnArg::Test(test) => match test.as_ref() {
            tree::Test::Function(inner) => value_function(inner),
            other => {
                let Query { from_root, segments } = query(other, function)?;
                match as_singular(&segments) {
                    Some(steps) => Ok(Operand::Singular { from_root, steps }),
                    None => refuse(
                        function,
                        format!("{function}(…) takes one value; this path may match several: put it in value(…)"),
                    ),
                }
            }
        },
    }
}

fn nodes_argument(from: &tree::FnArg, function: &str) -> Lowered<Query> {
    match from {
        tree::FnArg::Test(test) => query(test, function),
        _ => refuse(function, format!("{function}(…) takes a path such as @.containers[*]")),
    }
}

fn query(from: &tree::Test, function: &str) -> Lowered<Query> {
    match from {
        tree::Test::RelQuery(parts) => Ok(Query { from_root: false, segments: segments(parts)? }),
        tree::Test::AbsQuery(absolute) => Ok(Query { from_root: true, segments: segments(&absolute.segments)? }),
        tree::Test::Function(_) => refuse(function, format!("{function}(…) takes a path such as @.containers[*]")),
    }
}

fn unknown<T>(name: &str) -> Lowered<T> {
    refuse(name, format!("there is no function '{name}'; the functions are {FUNCTIONS}"))
}

/// The functions of RFC 9535, for messages.
pub(super) const FUNCTIONS: &str = "length, count, value, match and search";

fn name_of(function: &tree::TestFunction) -> &str {
    match function {
        tree::TestFunction::Custom(name, _) => name,
        tree::TestFunction::Length(_) => "length",
        tree::TestFunction::Value(_) => "value",
        tree::TestFunction::Count(_) => "count",
        tree::TestFunction::Search(..) => "search",
        tree::TestFunction::Match(..) => "match",
    }
}

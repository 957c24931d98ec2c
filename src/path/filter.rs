//! Conditions in a path: `[?@.name == 'x' && match(@.image, 'nvidia/.*')]`.

use super::query::{Comparison, Filter, Operand, Pattern, Query, RegexTest, SingularStep};
use super::regexp;
use super::select::{Run, Stop, real_index};
use crate::edit::json_patch::compare_numbers;
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The cost of compiling a pattern that is in the document, in visited nodes.
const COMPILE_COST: usize = 10_000;
/// Searching this many bytes costs as much as visiting one node.
const BYTES_A_NODE: usize = 64;

/// One value, or nothing.
type Operated<'v> = Option<Cow<'v, Value>>;

impl<'v> Run<'v> {
    /// Whether a node satisfies the condition.
    pub fn holds(&self, filter: &Filter, node: &'v Value, depth: usize) -> Result<bool, Stop> {
        match filter {
            Filter::Any(parts) => self.first(parts, node, depth, true),
            Filter::All(parts) => Ok(!self.first(parts, node, depth, false)?),
            Filter::Not(inner) => Ok(!self.holds(inner, node, depth)?),
            Filter::Exists(query) => self.exists(query, node, depth),
            Filter::Compare(how, left, right) => {
                let left = self.operand(left, node, depth)?;
                let right = self.operand(right, node, depth)?;
                self.compare(*how, left.as_deref(), right.as_deref())
            }
            Filter::Matches(test) => self.matches(test, node, depth),
        }
    }

    /// Whether one of the parts is `wanted`; stops at the first.
    fn first(&self, parts: &[Filter], node: &'v Value, depth: usize, wanted: bool) -> Result<bool, Stop> {
        for part in parts {
            if self.holds(part, node, depth)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn each(
        &self,
        query: &Query,
        node: &'v Value,
        depth: usize,
        seen: &mut dyn FnMut(&'v Value) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let from = if query.from_root { self.root } else { node };
        match self.walk(&query.segments, from, &mut (), depth, &mut |(), value| seen(value)) {
            Err(Stop::TooMuch) => Err(Stop::TooMuch),
            _ => Ok(()),
        }
    }

    fn exists(&self, query: &Query, node: &'v Value, depth: usize) -> Result<bool, Stop> {
        let mut found = false;
        self.each(query, node, depth, &mut |_| {
            found = true;
            Err(Stop::Enough)
        })?;
        Ok(found)
    }

    fn operand<'o>(&self, operand: &'o Operand, node: &'v Value, depth: usize) -> Result<Operated<'o>, Stop>
    where
        'v: 'o,
    {
        Ok(match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Singular { from_root, steps } => {
                self.charge(steps.len())?;
                let from = if *from_root { self.root } else { node };
                value_at(steps, from).map(Cow::Borrowed)
            }
            Operand::Length(of) => self.operand(of, node, depth)?.as_deref().and_then(length).map(counted),
            Operand::Count(query) => {
                let mut count = 0_usize;
                self.each(query, node, depth, &mut |_| {
                    count += 1;
                    Ok(())
                })?;
                Some(counted(count))
            }
            Operand::ValueOf(query) => {
                let mut found = None;
                let mut several = false;
                self.each(query, node, depth, &mut |value| {
                    several = found.replace(value).is_some();
                    if several { Err(Stop::Enough) } else { Ok(()) }
                })?;
                found.filter(|_| !several).map(Cow::Borrowed)
            }
        })
    }

    fn matches(&self, test: &RegexTest, node: &'v Value, depth: usize) -> Result<bool, Stop> {
        let subject = self.operand(&test.subject, node, depth)?;
        let Some(Value::String(subject)) = subject.as_deref() else { return Ok(false) };
        self.charge(subject.len() / BYTES_A_NODE)?;
        let pattern = match &test.pattern {
            Pattern::Never => return Ok(false),
            Pattern::Ready(regex) => return Ok(regex.is_match(subject)),
            Pattern::Computed(operand) => self.operand(operand, node, depth)?,
        };
        let Some(Value::String(pattern)) = pattern.as_deref() else { return Ok(false) };
        let mut known = self.regexes.borrow_mut();
        let key = (pattern.clone(), test.anchored);
        if !known.contains_key(&key) {
            self.charge(COMPILE_COST + pattern.len())?;
            known.insert(key.clone(), regexp::compile(pattern, test.anchored).ok());
        }
        Ok(known.get(&key).and_then(Option::as_ref).is_some_and(|regex| regex.is_match(subject)))
    }

    fn compare(&self, how: Comparison, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Stop> {
        let less = |a, b| matches!(order(a, b), Some(Ordering::Less));
        Ok(match how {
            Comparison::Eq => self.same(left, right)?,
            Comparison::Ne => !self.same(left, right)?,
            Comparison::Lt => less(left, right),
            Comparison::Gt => less(right, left),
            Comparison::Le => less(left, right) || self.same(left, right)?,
            Comparison::Ge => less(right, left) || self.same(left, right)?,
        })
    }

    fn same(&self, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Stop> {
        match (left, right) {
            (None, None) => Ok(true),
            (Some(left), Some(right)) => self.equal(left, right),
            _ => Ok(false),
        }
    }

    /// Deep equality, counted against the limit: in a filter it may run once for every node.
    fn equal(&self, left: &Value, right: &Value) -> Result<bool, Stop> {
        self.charge(1)?;
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => Ok(compare_numbers(a, b) == Some(Ordering::Equal)),
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, a) in a {
                    match b.get(key) {
                        Some(b) if self.equal(a, b)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            (a, b) => Ok(a == b),
        }
    }
}

/// Compares two numbers or two strings; nothing else has an order.
fn order(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(list) => Some(list.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    }
}

fn counted<'v>(count: usize) -> Cow<'v, Value> {
    Cow::Owned(Value::from(count))
}

fn value_at<'v>(steps: &[SingularStep], from: &'v Value) -> Option<&'v Value> {
    steps.iter().try_fold(from, |here, step| match (here, step) {
        (Value::Object(map), SingularStep::Key(key)) => map.get(key.as_str()),
        (Value::Array(list), SingularStep::Index(index)) => list.get(real_index(*index, list.len())?),
        _ => None,
    })
}

//! Walks a document along a compiled query, depth first, which is the order that RFC 9535 requires.

use super::query::{Segment, Selector};
use crate::edit::Pointer;
use regex::Regex;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Why a walk ended early.
pub(super) enum Stop {
    /// It visited as many nodes as it may.
    TooMuch,
    /// The caller needs no more nodes.
    Enough,
}

pub(super) type Flow = Result<(), Stop>;

/// The deepest level that is walked: the walk recurses.
const DEEPEST: usize = 512;

/// Tracks the place of the walk. Queries in filters need only values and track nothing.
pub(super) trait Track {
    fn key(&mut self, key: &str);
    fn index(&mut self, index: usize);
    fn back(&mut self);
}

impl Track for () {
    fn key(&mut self, _: &str) {}
    fn index(&mut self, _: usize) {}
    fn back(&mut self) {}
}

impl Track for Pointer {
    fn key(&mut self, key: &str) {
        self.push(key);
    }
    fn index(&mut self, index: usize) {
        self.push(index);
    }
    fn back(&mut self) {
        self.pop();
    }
}

/// One evaluation of a query on a document.
pub(super) struct Run<'v> {
    pub root: &'v Value,
    left: Cell<usize>,
    /// Patterns that are in the document, compiled once per evaluation; `None` for what isn't a regular expression.
    pub regexes: RefCell<HashMap<(String, bool), Option<Regex>>>,
}

impl<'v> Run<'v> {
    /// An evaluation that may visit `limit` nodes.
    pub fn new(root: &'v Value, limit: usize) -> Self {
        Run { root, left: Cell::new(limit), regexes: RefCell::default() }
    }

    /// How many more nodes it may visit.
    pub fn left(&self) -> usize {
        self.left.get()
    }

    /// Counts `nodes` visits against the limit.
    pub fn charge(&self, nodes: usize) -> Flow {
        let left = self.left.get().checked_sub(nodes).ok_or(Stop::TooMuch)?;
        self.left.set(left);
        Ok(())
    }

    /// Calls `emit` with each node that `segments` select from `value`.
    pub fn walk<T: Track>(
        &self,
        segments: &[Segment],
        value: &'v Value,
        at: &mut T,
        depth: usize,
        emit: &mut dyn FnMut(&T, &'v Value) -> Flow,
    ) -> Flow {
        self.charge(1)?;
        let Some((segment, rest)) = segments.split_first() else { return emit(at, value) };
        if depth > DEEPEST {
            return Err(Stop::TooMuch);
        }
        for selector in &segment.selectors {
            self.apply(selector, value, depth, at, &mut |at, child| self.walk(rest, child, at, depth + 1, emit))?;
        }
        if segment.descendant {
            children(value, at, &mut |at, child| self.walk(segments, child, at, depth + 1, emit))?;
        }
        Ok(())
    }

    fn apply<T: Track>(
        &self,
        selector: &Selector,
        value: &'v Value,
        depth: usize,
        at: &mut T,
        next: &mut dyn FnMut(&mut T, &'v Value) -> Flow,
    ) -> Flow {
        match (selector, value) {
            (Selector::Key(key), Value::Object(map)) => match map.get(key.as_str()) {
                Some(child) => {
                    at.key(key);
                    let flow = next(at, child);
                    at.back();
                    flow
                }
                None => Ok(()),
            },
            (Selector::Index(index), Value::Array(list)) => match real_index(*index, list.len()) {
                Some(index) => element(list, index, at, next),
                None => Ok(()),
            },
            (Selector::Slice { start, end, step }, Value::Array(list)) => {
                for index in slice(*start, *end, *step, list.len()) {
                    element(list, index, at, next)?;
                }
                Ok(())
            }
            (Selector::Wildcard, _) => children(value, at, next),
            (Selector::Filter(filter), _) => children(value, at, &mut |at, child| {
                self.charge(1)?;
                if self.holds(filter, child, depth + 1)? { next(at, child) } else { Ok(()) }
            }),
            _ => Ok(()),
        }
    }
}

fn element<'v, T: Track>(
    list: &'v [Value],
    index: usize,
    at: &mut T,
    next: &mut dyn FnMut(&mut T, &'v Value) -> Flow,
) -> Flow {
    let Some(child) = list.get(index) else { return Ok(()) };
    at.index(index);
    let flow = next(at, child);
    at.back();
    flow
}

fn children<'v, T: Track>(value: &'v Value, at: &mut T, next: &mut dyn FnMut(&mut T, &'v Value) -> Flow) -> Flow {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                at.key(key);
                let flow = next(at, child);
                at.back();
                flow?;
            }
        }
        Value::Array(list) => {
            for index in 0..list.len() {
                element(list, index, at, next)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The index from the front, if it is within a list of `len` elements.
pub(super) fn real_index(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { i64::try_from(len).ok()?.checked_add(index)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// The indexes that a slice selects, by the rules of RFC 9535, 2.3.4.2.2.
fn slice(start: Option<i64>, end: Option<i64>, step: i64, len: usize) -> impl Iterator<Item = usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_front = |index: i64| if index < 0 { len.saturating_add(index) } else { index };
    let (first, last) = match step {
        0 => (0, 0),
        1.. => (from_front(start.unwrap_or(0)).clamp(0, len), from_front(end.unwrap_or(len)).clamp(0, len)),
        _ => {
            let lower = end.map_or(-1, |end| from_front(end).clamp(-1, len - 1));
            (start.map_or(len - 1, |start| from_front(start).clamp(-1, len - 1)), lower)
        }
    };
    std::iter::successors(Some(first), move |at| at.checked_add(step))
        .take_while(move |at| if step > 0 { *at < last } else { step < 0 && *at > last })
        .filter_map(|at| usize::try_from(at).ok())
}

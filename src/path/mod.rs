//! Paths into a document: JSONPath as in [RFC 9535](https://www.rfc-editor.org/rfc/rfc9535).
//!
//! Text → `scan` (limits, where segments begin) → the parser of jsonpath-rust → `lower` (our compiled form, with compiled
//! regular expressions) → `select` and `filter` (the walk). `syntax` explains mistakes in the text, and `nearest` why a path
//! matches nothing in a document.

mod filter;
mod lower;
mod nearest;
mod query;
mod regexp;
mod scan;
mod select;
mod syntax;

pub use query::SingularStep;

use crate::edit::{Pointer, Step};
use select::Run;
use serde_json::Value;
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// The most nodes that [`Path::select`] visits.
pub const DEFAULT_LIMIT: usize = 1_000_000;

/// A compiled path; cheap to clone.
#[derive(Clone)]
pub struct Path(Arc<Compiled>);

struct Compiled {
    text: SmolStr,
    relative: bool,
    segments: Box<[query::Segment]>,
    /// The byte offset of each segment in the text.
    starts: Vec<usize>,
    /// The steps, if the path is singular: it can select one node at most.
    singular: Option<Box<[SingularStep]>>,
}

/// Why a text isn't a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathError {
    /// The place of the mistake, as a byte offset into the text.
    pub offset: usize,
    /// What is wrong, and what to write instead if that is known.
    pub message: String,
}

impl PathError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        PathError { offset, message: message.into() }
    }
}

/// The error of a query that would visit more nodes than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path visits too many nodes; write out more of it instead of using `..` and nested filters")]
pub struct TooMuchWork;

impl Path {
    /// Reads a path that begins with `$`.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        match text.chars().next() {
            Some('$') => Self::compile(text, false),
            Some('@') => {
                Err(PathError::new(0, "@ has a meaning only inside forEach; a JSONPath begins with $ (the Pod)"))
            }
            _ => Err(syntax::no_root(text)),
        }
    }

    /// Reads a path that begins with `@`, the current match of a `forEach`, or with `$`.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse_relative(text: &str) -> Result<Path, PathError> {
        match text.chars().next() {
            Some('@') => Self::compile(text, true),
            Some('$') => Self::compile(text, false),
            _ => Err(syntax::no_root(text)),
        }
    }

    fn compile(text: &str, relative: bool) -> Result<Path, PathError> {
        let starts = scan::scan(text)?;
        let parsed = match relative {
            // For the parser every query begins at `$`; the walk decides where that is.
            true => jsonpath_rust::parser::parse_json_path(&text.replacen('@', "$", 1)),
            false => jsonpath_rust::parser::parse_json_path(text),
        };
        let tree = parsed.map_err(|error| syntax::explain(text, &error))?;
        let segments = lower::segments(&tree.segments).map_err(|refused| {
            let call = text.find(&format!("{}(", refused.word));
            let offset = call.or_else(|| text.find(&refused.word)).unwrap_or(0);
            PathError::new(offset, refused.message)
        })?;
        let singular = lower::as_singular(&segments);
        Ok(Path(Arc::new(Compiled { text: SmolStr::new(text), relative, segments, starts, singular })))
    }

    /// Whether it begins with `@`.
    pub fn is_relative(&self) -> bool {
        self.0.relative
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The nodes that it selects in a document, in the order of RFC 9535; a node may be selected more than once. Selects
    /// nothing if it would have to visit more than [`DEFAULT_LIMIT`] nodes; see [`Path::select_bounded`].
    pub fn select(&self, root: &Value) -> Vec<Pointer> {
        self.select_from(root, &Pointer::root())
    }

    /// As [`Path::select`], with the node at `base` for `@`. `$` is the root of the document, in filters too.
    pub fn select_from(&self, root: &Value, base: &Pointer) -> Vec<Pointer> {
        self.select_bounded(root, base, DEFAULT_LIMIT).unwrap_or_default()
    }

    /// As [`Path::select_from`], visiting at most `limit_nodes_visited` nodes, those in filters included.
    ///
    /// # Errors
    /// If it would have to visit more.
    pub fn select_bounded(
        &self,
        root: &Value,
        base: &Pointer,
        limit_nodes_visited: usize,
    ) -> Result<Vec<Pointer>, TooMuchWork> {
        if self.0.singular.is_some() {
            let found = self.resolve_singular(root, base).filter(|at| at.get(root).is_some());
            return Ok(found.into_iter().collect());
        }
        self.run(&Run::new(root, limit_nodes_visited), self.0.segments.len(), base)
    }

    /// As [`Path::select_from`], with the number of nodes that it visited.
    ///
    /// # Errors
    /// If it would have to visit more than [`DEFAULT_LIMIT`] nodes.
    pub fn select_counted(&self, root: &Value, base: &Pointer) -> Result<(Vec<Pointer>, usize), TooMuchWork> {
        if self.0.singular.is_some() {
            return self.select_bounded(root, base, DEFAULT_LIMIT).map(|found| (found, self.0.segments.len()));
        }
        let run = Run::new(root, DEFAULT_LIMIT);
        let found = self.run(&run, self.0.segments.len(), base)?;
        Ok((found, DEFAULT_LIMIT - run.left()))
    }

    /// Evaluates the first `count` segments.
    fn run(&self, run: &Run<'_>, count: usize, base: &Pointer) -> Result<Vec<Pointer>, TooMuchWork> {
        let mut at = self.origin(base);
        let mut found = Vec::new();
        let Some(from) = at.get(run.root) else { return Ok(found) };
        let segments = self.0.segments.get(..count).unwrap_or_default();
        let flow = run.walk(segments, from, &mut at, 0, &mut |at, _| {
            found.push(at.clone());
            Ok(())
        });
        if flow.is_err() { Err(TooMuchWork) } else { Ok(found) }
    }

    /// The node that it begins at: `base` for `@`, or the root.
    fn origin(&self, base: &Pointer) -> Pointer {
        if self.0.relative { base.clone() } else { Pointer::root() }
    }

    /// The steps of a singular path, which consists only of names and indexes; `None` for any other.
    pub fn singular(&self) -> Option<Vec<SingularStep>> {
        self.0.singular.as_ref().map(|steps| steps.to_vec())
    }

    /// The place that a singular path names in a document, whether or not it exists: the caller may create it. `None` if
    /// the path isn't singular, or if a negative index goes past the start of its list.
    pub fn resolve_singular(&self, root: &Value, base: &Pointer) -> Option<Pointer> {
        let mut at = self.origin(base);
        let mut here = at.get(root);
        for step in self.0.singular.as_deref()? {
            match step {
                SingularStep::Key(key) => {
                    here = here.and_then(Value::as_object).and_then(|map| map.get(key.as_str()));
                    at.push(Step::Key(key.clone()));
                }
                SingularStep::Index(index) => {
                    let list = here.and_then(Value::as_array);
                    let index = match usize::try_from(*index) {
                        Ok(index) => index,
                        Err(_) => select::real_index(*index, list?.len())?,
                    };
                    here = list.and_then(|list| list.get(index));
                    at.push(index);
                }
            }
        }
        Some(at)
    }

    /// Why the path matches nothing: the text of the longest part of it that matches, and why the next part doesn't.
    pub fn deepest_match(&self, root: &Value, base: &Pointer) -> (String, String) {
        nearest::deepest(self, root, base)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({:?})", self.0.text)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Path {}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Path::parse(text)
    }
}

#[cfg(test)]
mod tests;

//! Which queues a rule is for.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern;
use crate::rules::Selectors;
use crate::source::Text;

/// The queues of a rule. A queue is selected if an including pattern matches its id or name (or there is no such pattern),
/// and no excluding one does.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

/// One pattern, compiled and as written.
#[derive(Debug, Clone)]
struct Pattern {
    written: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Exact(String),
    Regex(regex::Regex),
}

/// Whether a selector selects a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is selected.
    Selected,
    /// No pattern matches it.
    NotIncluded,
    /// This pattern excludes it.
    Excluded(String),
}

impl Pattern {
    fn matches(&self, id: &str, name: &str) -> bool {
        let test = |text: &str| match &self.test {
            Test::Exact(wanted) => wanted == text,
            Test::Regex(regex) => regex.is_match(text),
        };
        (!name.is_empty() && test(name)) || (!id.is_empty() && test(id))
    }
}

impl Selector {
    /// Compiles a rule's `queues`. Mistakes go to `found`.
    pub fn compile(written: Option<&Selectors>, found: &mut Diagnostics) -> Selector {
        let mut selector = Selector::default();
        let Some(written) = written else { return selector };
        if written.0.is_empty() {
            selector.exclude.push(Pattern { written: "[]".into(), test: Test::Regex(anything()) });
        }
        for text in &written.0 {
            let (list, body) = match text.value.strip_prefix('!') {
                Some(rest) => (&mut selector.exclude, rest.trim_start()),
                None => (&mut selector.include, text.value.as_str()),
            };
            match test(body, text) {
                Ok(test) => list.push(Pattern { written: text.value.clone(), test }),
                Err(diagnostic) => found.push(diagnostic),
            }
        }
        selector
    }

    /// Makes a selector for the queue of this name.
    pub fn exactly(name: &str) -> Selector {
        let pattern = Pattern { written: name.to_owned(), test: Test::Exact(name.to_owned()) };
        Selector { include: vec![pattern], exclude: Vec::new() }
    }

    /// Whether it selects a queue, and if not, why.
    pub fn verdict(&self, id: &str, name: &str) -> Verdict {
        if !self.include.is_empty() && !self.include.iter().any(|p| p.matches(id, name)) {
            return Verdict::NotIncluded;
        }
        match self.exclude.iter().find(|p| p.matches(id, name)) {
            Some(pattern) => Verdict::Excluded(pattern.written.clone()),
            None => Verdict::Selected,
        }
    }

    /// The names that it includes; `None` if it includes by a pattern, or includes everything.
    pub fn exact_names(&self) -> Option<Vec<&str>> {
        let names = self.include.iter().map(|pattern| match &pattern.test {
            Test::Exact(name) => Some(name.as_str()),
            Test::Regex(_) => None,
        });
        if self.include.is_empty() { None } else { names.collect() }
    }

    /// The names that it includes, besides its patterns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.include.iter().filter_map(|pattern| match &pattern.test {
            Test::Exact(name) => Some(name.as_str()),
            Test::Regex(_) => None,
        })
    }

    /// Whether it selects every queue.
    pub fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether its patterns contradict each other, so that it selects no queue at all.
    pub fn is_nothing(&self) -> bool {
        let excluded = |name: &str| self.exclude.iter().any(|p| p.matches("", name));
        let everything = self.exclude.iter().any(|p| matches!(&p.test, Test::Regex(r) if r.as_str() == ANYTHING));
        everything || self.exact_names().is_some_and(|names| names.iter().all(|name| excluded(name)))
    }

    /// The patterns as written, for messages.
    pub fn written(&self) -> String {
        let all = self.include.iter().chain(&self.exclude).map(|p| p.written.as_str());
        all.collect::<Vec<_>>().join(", ")
    }
}

const ANYTHING: &str = "(?s:.*)";

fn anything() -> regex::Regex {
    #[expect(clippy::expect_used, reason = "a constant pattern that compiles")]
    regex::Regex::new(ANYTHING).expect("constant")
}

fn test(body: &str, text: &Text) -> Result<Test, Diagnostic> {
    if body.is_empty() {
        return Err(Diagnostic::new(Code::BadValue, "an empty queue selector").at(text.span));
    }
    if let Some(inner) = body.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|_| body.len() > 1) {
        return pattern::regex(inner).map(Test::Regex).map_err(|why| {
            Diagnostic::new(Code::BadRegex, format!("this is not a valid regular expression: {why}")).at(text.span)
        });
    }
    if !body.contains(['*', '?', '[', '{']) {
        return Ok(Test::Exact(body.to_owned()));
    }
    let bad = |error: String| {
        Diagnostic::new(Code::BadGlob, format!("this is not a valid glob: {error}"))
            .at(text.span)
            .help("in a glob, * matches any characters, ? for one, [ab] for one of them, {a,b} for either")
    };
    pattern::glob_source(body).and_then(|source| pattern::regex(&source)).map(Test::Regex).map_err(bad)
}

//! The order of modules that docs/design.md draws holds: each module of the engine uses only those below it, and no files of any
//! crate use each other in a circle. (The order of the crates is kept by cargo.)

#![allow(clippy::expect_used, missing_docs, reason = "tests")]

#[path = "layers/source.rs"]
mod source;

use source::{Crate, ROOT};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of the engine as the design lists them, the lowest last.
fn drawn() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/design.md")).expect("the design");
    let (_, rest) = page.split_once("<!-- modules, from the top down -->").expect("the design lists the modules");
    let block = rest.split("```").nth(1).expect("in a block of code");
    let modules = block.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    modules.map(str::to_owned).collect()
}

#[test]
fn each_module_of_the_engine_uses_only_those_below_it() {
    let drawn = drawn();
    let engine = Crate::read("");
    let modules: BTreeSet<&str> = engine.files.keys().filter_map(|file| file.split("::").next()).collect();
    let listed: BTreeSet<&str> = drawn.iter().map(String::as_str).collect();
    assert_eq!(
        modules.into_iter().filter(|module| !module.is_empty()).collect::<BTreeSet<_>>(),
        listed,
        "docs/design.md lists every module"
    );
    let height = |module: &str| drawn.iter().rev().position(|name| name == module);
    let mut wrong = BTreeSet::new();
    for (from, to) in engine.uses() {
        let (upper, lower) = (top(&from), top(&to));
        if upper != lower && !upper.is_empty() && height(upper) <= height(lower) {
            wrong.insert(format!("{from} uses {to}, and docs/design.md draws `{lower}` above `{upper}`"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    for name in ["", "crates/worker", "crates/cluster", "crates/agent", "crates/cli", "bindings/python"] {
        let circle = circle(Crate::read(name).uses());
        assert!(circle.is_empty(), "{name}: these files use each other in a circle: {circle:#?}");
    }
}

/// What is left of a graph when all are taken out, again and again, that use nothing that is left, or are used by nothing.
fn circle(uses: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let mut left = uses;
    loop {
        let mut ends: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for (from, to) in &left {
            ends.entry(from).or_default().0 = true;
            ends.entry(to).or_default().1 = true;
        }
        let both = |file: &str| ends.get(file).is_some_and(|(uses, used)| *uses && *used);
        let next: BTreeSet<_> = left.iter().filter(|(from, to)| both(from) && both(to)).cloned().collect();
        if next.len() == left.len() {
            return left;
        }
        left = next;
    }
}

#[test]
fn a_circle_is_found_and_a_chain_is_none() {
    let edges = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert!(circle(edges(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(circle(edges(&[("z", "a"), ("a", "b"), ("b", "a"), ("b", "c")])), edges(&[("a", "b"), ("b", "a")]));
}

//! The order of modules in docs/design.md holds: each module of the engine uses only those below it, and no files of any crate
//! depend on each other in a cycle. (Cargo enforces the order of the crates.)

#![allow(clippy::expect_used, missing_docs, reason = "tests")]

#[path = "layers/source.rs"]
mod source;

use source::{Crate, ROOT};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of the engine as docs/design.md lists them, the lowest last.
fn drawn() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/design.md")).expect("the design");
    let (_, rest) = page.split_once("<!-- modules, from the top down -->").expect("the design lists the modules");
    let block = rest.split("```").nth(1).expect("the list is a code block");
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
        "docs/design.md must list every module"
    );
    let height = |module: &str| drawn.iter().rev().position(|name| name == module);
    let mut wrong = BTreeSet::new();
    for (from, to) in engine.uses() {
        let (upper, lower) = (top(&from), top(&to));
        if upper != lower && !upper.is_empty() && height(upper) <= height(lower) {
            wrong.insert(format!("{from} uses {to}, but docs/design.md lists `{lower}` above `{upper}`"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn no_files_depend_on_each_other_in_a_cycle() {
    for name in ["", "crates/worker", "crates/cluster", "crates/agent", "crates/cli", "bindings/python"] {
        let cycle = cycle(Crate::read(name).uses());
        assert!(cycle.is_empty(), "{name}: these files depend on each other in a cycle: {cycle:#?}");
    }
}

/// The rest of a graph after repeatedly removing files that use no other file in it, or that none uses.
fn cycle(uses: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
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
fn a_cycle_is_found_and_a_chain_isnt_a_cycle() {
    let edges = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert!(cycle(edges(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(cycle(edges(&[("z", "a"), ("a", "b"), ("b", "a"), ("b", "c")])), edges(&[("a", "b"), ("b", "a")]));
}

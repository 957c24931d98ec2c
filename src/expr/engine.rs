//! The Rhai engine of a plan: its functions and its limits.

use super::{access, bounds, functions, running, scope, task};
use rhai::packages::{Package, StandardPackage};
use rhai::{Engine, FLOAT, INT};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The most bytes of one string.
const MAX_STRING: usize = 256 << 10;
/// The most elements of one list or object, those nested in it included. This limits nesting too, for which Rhai has no
/// limit of its own.
const MAX_ELEMENTS: usize = 4_096;
/// The deepest nesting of one expression's syntax tree.
const MAX_EXPRESSION_DEPTH: usize = 48;
/// The most nested calls of functions.
const MAX_CALLS: usize = 24;
/// The most expressions in one plan; a compiled one takes a kilobyte or two.
pub const MAX_EXPRESSIONS: usize = 100_000;
/// Functions that Rhai handles itself, so that none of its modules lists them.
const KEYWORDS: &[&str] =
    &["print", "debug", "type_of", "call", "curry", "is_shared", "is_def_var", "is_def_fn", "Fn", "this"];

/// The language of expressions and scripts for one plan: the Rhai engine with podrules' functions, the names of these
/// functions, and a count of what was compiled. Clones share all of it.
#[derive(Clone)]
pub struct Language {
    engine: Arc<Engine>,
    functions: Arc<OnceLock<BTreeSet<String>>>,
    expressions: Arc<AtomicUsize>,
    used: Arc<AtomicU8>,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Language")
    }
}

impl Language {
    /// Builds the engine, which happens once per plan. `more` registers the functions of other modules.
    pub fn new(more: impl FnOnce(&mut Engine)) -> Self {
        let mut engine = Engine::new_raw();
        StandardPackage::new().register_into_engine(&mut engine);
        engine
            .set_strict_variables(true)
            .set_fail_on_invalid_map_property(false)
            .set_max_string_size(MAX_STRING)
            .set_max_array_size(MAX_ELEMENTS)
            .set_max_map_size(MAX_ELEMENTS)
            .set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_DEPTH)
            .set_max_call_levels(MAX_CALLS)
            .set_max_functions(64)
            .set_max_variables(256);
        // `eval` would run text that was made at run time, and `sleep` would hold up the agent.
        engine.disable_symbol("eval");
        engine.register_fn("sleep", |_: INT| {}).register_fn("sleep", |_: FLOAT| {});
        // `f = f.curry(f)` doubles what `f` holds; closures capture without the word.
        engine.disable_symbol("curry");
        bounds::register(&mut engine);
        access::register(&mut engine);
        functions::register(&mut engine);
        task::register(&mut engine);
        scope::register(&mut engine);
        running::register(&mut engine);
        more(&mut engine);
        Language {
            engine: Arc::new(engine),
            functions: Arc::default(),
            expressions: Arc::default(),
            used: Arc::default(),
        }
    }

    /// The Rhai engine, to compile and evaluate with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Counts `count` more expressions of the plan; returns false once there are more than [`MAX_EXPRESSIONS`].
    pub fn take(&self, count: usize) -> bool {
        self.expressions.fetch_add(count, Ordering::Relaxed).saturating_add(count) <= MAX_EXPRESSIONS
    }

    /// Records that a compiled expression or script reads a variable.
    pub(super) fn note_use(&self, variable: &str) {
        self.used.fetch_or(use_bit(variable), Ordering::Relaxed);
    }

    /// Whether anything compiled so far reads `variable`: `task`, `config` or `providers`. A caller needn't convert one that
    /// is never read.
    pub fn uses(&self, variable: &str) -> bool {
        self.used.load(Ordering::Relaxed) & use_bit(variable) != 0
    }

    /// Whether there is a function of this name, whatever its arguments.
    pub fn knows_function(&self, name: &str) -> bool {
        self.functions().contains(name) || KEYWORDS.contains(&name)
    }

    /// The names of all functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions().iter().map(String::as_str)
    }

    // Collected on first use only: most runs compile few expressions, and none that calls an unknown function.
    fn functions(&self) -> &BTreeSet<String> {
        self.functions.get_or_init(|| {
            let names = self.engine.collect_fn_metadata(None, |f| Some(f.metadata.name.to_string()), true);
            names.into_iter().filter(|n| n.starts_with(|c: char| c.is_ascii_alphabetic())).collect()
        })
    }
}

fn use_bit(variable: &str) -> u8 {
    match variable {
        "task" => 1,
        "config" => 2,
        "providers" => 4,
        _ => 0,
    }
}

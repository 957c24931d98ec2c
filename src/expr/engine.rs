//! The one Rhai engine: its functions and its limits.

use super::{bounds, functions, json, scope, script, task};
use rhai::packages::{Package, StandardPackage};
use rhai::{Engine, FLOAT, INT};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Characters of one string.
const MAX_STRING: usize = 256 << 10;
/// Elements of one list or object, those nested in it counted too: it bounds nesting as well, which Rhai doesn't.
const MAX_ELEMENTS: usize = 4_096;
/// Nesting of one expression.
const MAX_EXPRESSION_DEPTH: usize = 48;
/// Calls within calls.
const MAX_CALLS: usize = 24;
/// Bytes of one expression or script.
pub(super) const MAX_SOURCE: usize = 64 << 10;
/// Expressions in one plan: a compiled one takes a kilobyte or two.
pub const MAX_EXPRESSIONS: usize = 100_000;
/// Wall time of an expression, and of a script that doesn't ask for another.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// What Rhai itself handles, so that no module lists it.
const KEYWORDS: &[&str] =
    &["print", "debug", "type_of", "call", "curry", "is_shared", "is_def_var", "is_def_fn", "Fn", "this"];

/// The engine and the names it knows.
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
    /// Builds the engine, once a plan, never a call; `more` registers what other stages add.
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
        // `eval` would run text made at run time, and `sleep` would hold the agent up.
        engine.disable_symbol("eval");
        engine.register_fn("sleep", |_: INT| {}).register_fn("sleep", |_: FLOAT| {});
        // `f = f.curry(f)` doubles what `f` holds; closures capture without the word.
        engine.disable_symbol("curry");
        engine.on_print(script::log);
        engine.on_debug(|text, _, _| script::log(text));
        bounds::register(&mut engine);
        json::register(&mut engine);
        functions::register(&mut engine);
        task::register(&mut engine);
        scope::register(&mut engine);
        script::register(&mut engine);
        more(&mut engine);
        Language {
            engine: Arc::new(engine),
            functions: Arc::default(),
            expressions: Arc::default(),
            used: Arc::default(),
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Counts expressions that are compiled into a plan; false once there are more than [`MAX_EXPRESSIONS`].
    pub fn take(&self, count: usize) -> bool {
        self.expressions.fetch_add(count, Ordering::Relaxed).saturating_add(count) <= MAX_EXPRESSIONS
    }

    /// Notes that something compiled reads a variable.
    pub(super) fn note_use(&self, variable: &str) {
        self.used.fetch_or(use_bit(variable), Ordering::Relaxed);
    }

    /// Whether anything that was compiled reads `task`, `config` or `providers`: what isn't read needn't be converted.
    pub fn uses(&self, variable: &str) -> bool {
        self.used.load(Ordering::Relaxed) & use_bit(variable) != 0
    }

    /// Whether there is a function of this name, with whatever arguments.
    pub fn knows_function(&self, name: &str) -> bool {
        self.functions().contains(name) || KEYWORDS.contains(&name)
    }

    /// The names of all functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions().iter().map(String::as_str)
    }

    // Gathered on first use only: most runs compile few expressions, and none of them calls anything unknown.
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

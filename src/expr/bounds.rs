//! Limits on what an expression or a script may use: steps, time, memory. Exceeding one ends it for good, whatever its
//! `try` catches and even where Rhai's own functions swallow errors, as `sort` does with those of its callback.

use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult, FnPtr, Map, Position};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The most steps of one expression or script; a step is about one node of its syntax tree evaluated.
pub const MAX_OPERATIONS: u64 = 500_000;
/// The most bytes that the variables of one call may hold together. Rhai limits one value, but not all of them, nor the
/// keys of its maps, nor a map that grows key by key.
const MAX_BYTES: usize = 8 << 20;
/// Wall time of an expression, and of a script that doesn't set another.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The deepest nesting of a variable's value. Rhai sets no limit, and a deep value overflows the stack when it is freed.
const MAX_DEPTH: usize = 64;
/// The variables are weighed once per this many reads of a variable.
const WEIGH_EVERY: u32 = 32;
/// The clock is read once per this many steps: one step may be a call that copies megabytes.
const LOOK_EVERY: u64 = 16;

/// The limit that an expression or a script exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Steps,
    Time,
    Memory,
    Depth,
    /// The Pod would become too large or too deeply nested.
    Pod,
    /// Not a limit: the script called `skip()` or `fail()`.
    Stopped,
}

thread_local! {
    // Rhai's callbacks get no context but the engine, so what they need is kept by thread.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    static HIT: Cell<Option<Bound>> = const { Cell::new(None) };
    static LEVEL: Cell<u32> = const { Cell::new(0) };
    static READS: Cell<u32> = const { Cell::new(0) };
}

impl Bound {
    /// What the user reads.
    pub(super) fn message(self) -> String {
        match self {
            Bound::Steps => format!("more than {MAX_OPERATIONS} steps; is there an infinite loop?"),
            Bound::Time => "it ran out of time".to_owned(),
            Bound::Memory => format!("its variables hold more than {} MiB", MAX_BYTES >> 20),
            Bound::Depth => format!("a value nested deeper than {MAX_DEPTH} levels"),
            Bound::Pod => "the Pod would become too large or too deeply nested".to_owned(),
            Bound::Stopped => "it ended deliberately".to_owned(),
        }
    }

    pub(super) fn error(self) -> Box<EvalAltResult> {
        Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(self.message()), Position::NONE))
    }
}

/// Ends the expression or script on this thread at its next step. Only the first reason is kept.
pub(super) fn hit(bound: Bound) {
    if HIT.get().is_none() && LEVEL.get() > 0 {
        HIT.set(Some(bound));
    }
}

/// Runs `work` within the limits, and returns its result and the limit that was exceeded, if any.
pub(super) fn within<T>(timeout: Duration, work: impl FnOnce() -> T) -> (T, Option<Bound>) {
    let outer = DEADLINE.get();
    let inner = Instant::now() + timeout;
    DEADLINE.set(Some(outer.map_or(inner, |outer| outer.min(inner))));
    LEVEL.set(LEVEL.get() + 1);
    let done = work();
    // A function that swallowed the error of a late step must not hide that time ran out.
    if late() {
        hit(Bound::Time);
    }
    let bound = HIT.get();
    LEVEL.set(LEVEL.get() - 1);
    if LEVEL.get() == 0 {
        HIT.set(None);
    }
    DEADLINE.set(outer);
    (done, bound)
}

fn late() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() > deadline)
}

/// Sets the engine's callbacks that count steps and weigh variables.
pub(super) fn register(engine: &mut Engine) {
    // Steps are counted here, because the error of Rhai's own limit can be swallowed.
    engine.set_max_operations(0);
    engine.on_progress(|steps| {
        if steps > MAX_OPERATIONS {
            hit(Bound::Steps);
        } else if steps % LOOK_EVERY == 0 && late() {
            hit(Bound::Time);
        }
        HIT.get().map(|bound| Dynamic::from(bound.message()))
    });
    // Rhai marks it deprecated because its signature may change, not because it will be removed.
    #[allow(deprecated)]
    engine.on_var(|_, _, context| {
        let reads = READS.get().wrapping_add(1);
        READS.set(reads);
        if !reads.is_multiple_of(WEIGH_EVERY) {
            return Ok(None);
        }
        let mut left = MAX_BYTES;
        let scope = context.scope().iter_raw().map(|(_, _, value)| value);
        for value in scope.chain(context.this_ptr()) {
            if let Err(bound) = weigh(value, 0, &mut left) {
                hit(bound);
                return Err(bound.error());
            }
        }
        Ok(None)
    });
}

/// Subtracts a value's weight in bytes from `left`.
fn weigh(value: &Dynamic, depth: usize, left: &mut usize) -> Result<(), Bound> {
    take(left, size_of::<Dynamic>())?;
    if depth > MAX_DEPTH {
        return Err(Bound::Depth);
    }
    // A value that is being written to is weighed the next time.
    if value.is_locked() {
        return Ok(());
    }
    if value.is_string() {
        return take(left, value.as_immutable_string_ref().map_or(0, |text| text.len()));
    }
    if let Some(list) = value.is_array().then(|| value.read_lock::<Array>()).flatten() {
        return list.iter().try_for_each(|item| weigh(item, depth + 1, left));
    }
    if let Some(map) = value.is_map().then(|| value.read_lock::<Map>()).flatten() {
        for (key, item) in map.iter() {
            take(left, key.len() + size_of_val(key))?;
            weigh(item, depth + 1, left)?;
        }
        return Ok(());
    }
    if let Some(blob) = value.is_blob().then(|| value.read_lock::<Blob>()).flatten() {
        return take(left, blob.len());
    }
    // A closure owns what it captured.
    if let Some(function) = value.is_fnptr().then(|| value.read_lock::<FnPtr>()).flatten() {
        return function.iter_curry().try_for_each(|item| weigh(item, depth + 1, left));
    }
    Ok(())
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Bound> {
    *left = left.checked_sub(bytes).ok_or(Bound::Memory)?;
    Ok(())
}

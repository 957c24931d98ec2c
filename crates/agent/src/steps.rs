//! The steps at which a test may have this process die, to see that the next one goes on.
//!
//! `PODRULES_CRASH_AT=pod-created:3` kills it the third time that a Pod was created. Only builds with debug assertions look.

/// Dies here if a test asks for it.
#[cfg(debug_assertions)]
pub fn reached(step: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static WANTED: OnceLock<Option<(String, usize)>> = OnceLock::new();
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("PODRULES_CRASH_AT").ok()?;
        let (step, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some((step.to_owned(), times.parse().unwrap_or(1)))
    });
    let Some((wanted, times)) = wanted else { return };
    if wanted == step && TIMES.fetch_add(1, Ordering::Relaxed) + 1 == *times {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing: this build takes no part in such tests.
#[cfg(not(debug_assertions))]
pub fn reached(_: &str) {}

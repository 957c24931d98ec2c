//! The steps at which a test may kill this process, to check that the next one continues.
//!
//! `PODRULES_CRASH_AT=pod-created:3` kills it when a Pod was created for the third time. Only builds with debug assertions read the variable.

/// Kills this process if a test asks for that at this step.
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

/// Does nothing: this build doesn't read the variable.
#[cfg(not(debug_assertions))]
pub fn reached(_: &str) {}

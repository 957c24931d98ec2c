//! Logs, which go to stderr: stdout is for data alone.

use podrules::diagnostic::render::printable_line;
use podrules::installation::{self, Speaker};
use podrules::plan::Plan;
use podrules::run::Outcome;

/// Starts logging. `running` says that a command runs until it is stopped, so its log is its output, and whether as JSON.
pub fn start(verbose: u8, running: Option<bool>) {
    let level = match verbose {
        0 if running.is_some() => tracing::Level::INFO,
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    // By default, a line that can't be written is reported on stderr, which panics if that can't be written either.
    let subscriber = tracing_subscriber::fmt().log_internal_errors(false);
    let subscriber = subscriber.with_max_level(level).with_writer(std::io::stderr);
    // A second subscriber in one process (a test) is no reason to fail.
    let _ = match running {
        Some(true) => tracing::subscriber::set_global_default(subscriber.json().flatten_event(true).finish()),
        Some(false) => {
            tracing::subscriber::set_global_default(subscriber.with_ansi(colour).with_target(false).finish())
        }
        None => tracing::subscriber::set_global_default(subscriber.with_ansi(colour).without_time().finish()),
    };
}

/// Logs, with `-v`, what a plan's rules logged and its hook printed.
pub fn log_run(plan: &Plan, outcome: &Outcome) {
    for (speaker, line) in installation::log(plan, outcome) {
        match speaker {
            Speaker::Rule(rule) => tracing::info!(rule = %printable_line(rule), "{}", printable_line(line)),
            Speaker::Hook(hook) => tracing::info!(hook = %hook, "{}", printable_line(line)),
        }
    }
}

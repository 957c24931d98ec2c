//! The command line. One file a subcommand; this one dispatches.

#[cfg(feature = "cluster")]
mod apply;
mod arguments;
mod check;
mod diff;
mod exit;
mod explain;
mod fields;
mod hooks;
mod input;
mod load;
#[cfg(feature = "cluster")]
mod rbac;
mod render;
mod report;
mod schema;
mod setting;
mod validate;

pub use arguments::Arguments;
pub use exit::Exit;

use arguments::Command;
use clap::CommandFactory;
use report::Report;

/// Runs a command.
pub fn run(arguments: Arguments) -> Exit {
    start_logging(arguments.verbose);
    let report = Report::new(arguments.color, arguments.strict);
    match arguments.command {
        Command::Render(command) => render::run(&command, report),
        #[cfg(feature = "cluster")]
        Command::Apply(command) => apply::run(&command, report),
        #[cfg(feature = "cluster")]
        Command::Rbac(command) => rbac::run(&command, report),
        Command::Explain(command) => explain::run(&command, report),
        Command::Validate(command) => validate::run(&command, report),
        Command::Diff(command) => diff::run(&command, report),
        Command::Schema(command) => schema::run(&command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "podrules", &mut script);
            report::print(&String::from_utf8_lossy(&script))
        }
    }
}

/// Logs go to stderr: data alone goes to stdout.
fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // A second subscriber in one process (a test) is no reason to fail.
    let _ = tracing::subscriber::set_global_default(subscriber.with_ansi(colour).without_time().finish());
}

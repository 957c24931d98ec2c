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
mod objects;
#[cfg(feature = "cluster")]
mod rbac;
mod render;
#[cfg(feature = "agent")]
mod renderer;
mod report;
#[cfg(feature = "agent")]
mod run;
#[cfg(feature = "agent")]
mod run_arguments;
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
    start_logging(&arguments);
    let report = Report::new(arguments.color, arguments.strict);
    match arguments.command {
        Command::Render(command) => render::run(&command, report),
        #[cfg(feature = "cluster")]
        Command::Apply(command) => apply::run(&command, report),
        #[cfg(feature = "agent")]
        Command::Run(command) => run::run(&command, report),
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
fn start_logging(arguments: &Arguments) {
    let level = match arguments.verbose {
        0 if arguments.command.lasts() => tracing::Level::INFO,
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // A second subscriber in one process (a test) is no reason to fail.
    let _ = if arguments.command.logs_json() {
        tracing::subscriber::set_global_default(subscriber.json().flatten_event(true).finish())
    } else if arguments.command.lasts() {
        tracing::subscriber::set_global_default(subscriber.with_ansi(colour).with_target(false).finish())
    } else {
        tracing::subscriber::set_global_default(subscriber.with_ansi(colour).without_time().finish())
    };
}

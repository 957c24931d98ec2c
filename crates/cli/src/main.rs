//! The command line. One file a subcommand; this one dispatches.
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
mod rbac;
mod render;
mod renderer;
mod report;
mod run;
mod run_arguments;
mod schema;
mod setting;
mod validate;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use exit::Exit;
use report::Report;
use std::process::ExitCode;

// Half of a render's time is allocation; this allocator takes a third less of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Arguments::parse()).into()
}

/// Runs a command.
fn run(arguments: Arguments) -> Exit {
    start_logging(&arguments);
    let report = Report::new(arguments.color, arguments.strict);
    match arguments.command {
        Command::Render(command) => render::run(&command, report),
        Command::Apply(command) => apply::run(&command, report),
        Command::Run(command) => run::run(&command, report),
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

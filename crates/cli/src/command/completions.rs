//! `podrules completions`: a shell's completion script.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{Arguments, report};
use clap::{Args, CommandFactory};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules completions bash > /etc/bash_completion.d/podrules")]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "podrules", &mut script);
        report::print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}

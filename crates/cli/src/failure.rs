//! Why a command stops. Every subcommand returns an exit code, or this.

use crate::exit::Exit;
use podrules::diagnostic::{Diagnostic, Diagnostics, Sources};
use podrules::installation::Mistakes;

/// What ends a command early: its exit code, and findings that have not been shown yet.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The findings.
    pub found: Diagnostics,
    /// The texts that they point into.
    pub sources: Sources,
}

impl Failure {
    /// A failure for one reason, which is in no file.
    pub fn new(exit: Exit, diagnostic: Diagnostic) -> Self {
        let mut found = Diagnostics::new();
        found.push(diagnostic);
        Failure { exit, found, sources: Sources::new() }
    }

    /// Something that can't be read or used.
    pub fn input(diagnostic: Diagnostic) -> Self {
        Failure::new(Exit::Input, diagnostic)
    }

    /// A mistake in the arguments.
    pub fn usage(diagnostic: Diagnostic) -> Self {
        Failure::new(Exit::Usage, diagnostic)
    }

    /// The same, as a mistake in the arguments if one of the mistakes is in them.
    pub fn or_usage(self, in_arguments: bool) -> Self {
        match self.exit {
            Exit::Mistakes if in_arguments => Failure { exit: Exit::Usage, ..self },
            _ => self,
        }
    }
}

impl From<Box<Mistakes>> for Failure {
    fn from(mistakes: Box<Mistakes>) -> Self {
        let Mistakes { found, sources, unread } = *mistakes;
        Failure { exit: if unread { Exit::Input } else { Exit::Mistakes }, found, sources }
    }
}

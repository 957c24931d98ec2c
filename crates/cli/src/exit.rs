//! Every exit code there is.

use std::process::ExitCode;

/// The result of a command. docs/cli.md lists the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: success.
    Done,
    /// 1: the rules, the values or the Pod have mistakes, or a rule fails the task.
    Mistakes,
    /// 2: the command line has a mistake; clap uses it too.
    Usage,
    /// 3: a file can't be read.
    Input,
    /// 4: the Pods that were compared differ.
    Differ,
    /// 5: the cluster can't be reached, or denies access.
    Cluster,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Mistakes => 1,
            Exit::Usage => 2,
            Exit::Input => 3,
            Exit::Differ => 4,
            Exit::Cluster => 5,
        })
    }
}

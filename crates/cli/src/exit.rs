//! Every exit code there is.

use std::process::ExitCode;

/// How a command ended. docs/cli.md lists these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and nothing is wrong.
    Done,
    /// 1: the rules, the values or the Pod have mistakes, or a rule fails the task.
    Mistakes,
    /// 2: the command line has a mistake; clap uses it too.
    Usage,
    /// 3: a file can't be read.
    Input,
    /// 4: the Pods that were compared differ.
    Differ,
    /// 5: the cluster can't be reached, or doesn't let us do it.
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

//! The processes that podrules starts: Python hooks, and the agent's pre-apply and post-delete commands. Each has a timeout, and
//! is killed together with everything it has started.
//!
//! ```text
//! command   the pre-apply and post-delete commands: bash
//! python    hooks: Python in workers that are reused
//! mounts    the values' fileMounts as files for hooks and commands
//! process   a process with its descendants
//! ```

pub mod command;
pub mod mounts;
pub mod process;
pub mod python;

//! The processes that podrules starts, each with a bound on its time and killed with all that it started: Python hooks, and
//! the agent's own commands around a Pod.
//!
//! ```text
//! process   a child in a process group of its own
//! mounts    the values' fileMounts as files that a child finds
//! command   the agent's own commands: bash
//! python    hooks: Python in workers that are used again
//! ```

pub mod command;
pub mod mounts;
pub mod process;
pub mod python;

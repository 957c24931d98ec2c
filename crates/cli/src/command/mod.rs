//! The subcommands, a file each. Each is a struct of its arguments whose doc comment is its help, and whose `run` does its work and
//! gives the exit code, or says why it stops.

pub mod apply;
pub mod completions;
pub mod diff;
pub mod explain;
pub mod rbac;
pub mod render;
pub mod run;
pub mod schema;
pub mod validate;

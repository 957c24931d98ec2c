//! Hostile and broken input: each must end in an error that says what and where, within bounded memory and time.
//!
//! The inputs are generated, and run twice: by the library, on a test thread with a stack of 2 MiB, and by the binary with
//! 1 GiB of address space.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

#[path = "hostile/expressions.rs"]
mod expressions;
#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/harness.rs"]
mod harness;
#[path = "hostile/injection.rs"]
mod injection;
#[path = "hostile/rules.rs"]
mod rules;
#[path = "hostile/scripts.rs"]
mod scripts;

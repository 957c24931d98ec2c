//! The controller with task sources that are slow, fail or never answer. Nothing here measures time: sources wait at gates, and
//! tests wait for events.
//!
//! ```text
//! fixture   a controller without a cluster, and workloads
//! steps     each step by itself: the test reads the requests and gives the answers
//! running   the running loop beside a source on its thread
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fixture;
mod running;
mod steps;

//! `podrules apply` and `podrules run` against a real control plane: `make cluster` starts one and runs this.
//!
//! Each test has its own namespace. What it applies, and which objects exist beforehand, is in a folder of tests/cluster/cases.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod cases;
mod commands;
mod crash;
mod faults_run;
mod harness;
mod job;
mod launch;
mod plane_faults;
mod pod_check;
mod proxy;
mod reach;
mod rights;
mod run;
mod wait;

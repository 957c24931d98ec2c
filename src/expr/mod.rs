//! Expressions, and the strings they stand in.

pub mod clearml;

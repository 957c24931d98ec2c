//! Diagnostics for people, JSON, SARIF and GitHub.

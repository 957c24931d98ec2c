//! The complete public suites: JSONPath (RFC 9535), JSON Patch (RFC 6902), and the cases in RFC 7386's appendix.
//!
//! The first two are read from the folder `PODRULES_SUITES`, by default ../shared/suites. Without them, the tests print a
//! message and pass; with `CI` set, they fail.

#[path = "conformance/json_patch.rs"]
mod json_patch;
#[path = "conformance/jsonpath.rs"]
mod jsonpath;
#[path = "conformance/merge_patch.rs"]
mod merge_patch;

use serde_json::Value;
use std::path::PathBuf;

/// One file of a suite; `None` if it is missing and not required.
fn suite(folder: &str, file: &str, from: &str) -> Option<Value> {
    let root = match std::env::var_os("PODRULES_SUITES") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"),
    };
    let path = root.join(folder).join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(value) => Some(value),
            Err(error) => unreachable!("{}: {error}", path.display()),
        },
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI needs {}: {error}", path.display());
            eprintln!(
                "skipped: {folder}/{file} ({error}). Get it from {from} and put it below the folder PODRULES_SUITES"
            );
            None
        }
    }
}

/// Fails with all failing cases, not only the first.
fn all_pass(failures: &[String]) {
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

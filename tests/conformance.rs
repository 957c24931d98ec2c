//! The public suites, whole: JSONPath (RFC 9535), JSON Patch (RFC 6902), and the cases of RFC 7386's appendix.
//!
//! The first two are read from the folder that `PODRULES_SUITES` names, by default ../shared/suites. Without them
//! the tests pass and say so; under `CI` they fail.

#[path = "conformance/json_patch.rs"]
mod json_patch;
#[path = "conformance/jsonpath.rs"]
mod jsonpath;
#[path = "conformance/merge_patch.rs"]
mod merge_patch;

use serde_json::Value;
use std::path::PathBuf;

/// One file of a suite; nothing if the suites aren't here and needn't be.
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
                "left out: {folder}/{file} ({error}). It is in {from}; put it below the folder that PODRULES_SUITES names"
            );
            None
        }
    }
}

/// Fails with every case that went wrong, not with the first.
fn all_pass(failures: &[String]) {
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

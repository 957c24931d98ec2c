//! Regular expressions and globs in rules, with a limit on their size.

use regex::{Regex, RegexBuilder};

/// The most bytes of a compiled pattern.
pub const MAX_BYTES: usize = 1 << 20;

/// Compiles a regular expression.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn regex(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(MAX_BYTES).build().map_err(|error| {
        let message = error.to_string();
        message.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned()
    })
}

/// Converts a glob to an equivalent regular expression.
///
/// # Errors
/// What is wrong with the glob.
pub fn glob_source(glob: &str) -> Result<String, String> {
    // globset writes patterns for bytes; rules match text.
    let compiled = globset::GlobBuilder::new(glob).build().map_err(|error| error.kind().to_string())?;
    Ok(compiled.regex().replace("(?-u)", "(?s)"))
}

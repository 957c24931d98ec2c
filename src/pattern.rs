//! Regular expressions and globs as rules write them, within bounds.

use regex::{Regex, RegexBuilder};

/// The size of a compiled pattern.
pub const MAX_BYTES: usize = 1 << 20;

/// Compiles a regular expression; the error says in a line what is wrong with it.
pub fn regex(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(MAX_BYTES).build().map_err(|error| {
        let message = error.to_string();
        message.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned()
    })
}

/// The regular expression that a glob stands for; the error says what is wrong with the glob.
pub fn glob_source(glob: &str) -> Result<String, String> {
    // globset writes patterns for bytes; what rules match is text.
    let compiled = globset::GlobBuilder::new(glob).build().map_err(|error| error.kind().to_string())?;
    Ok(compiled.regex().replace("(?-u)", "(?s)"))
}

//! Decodes files: checks their size and that they are UTF-8.

use crate::diagnostic::{Code, Diagnostic};

/// The most bytes of a rules file.
pub const MAX_RULES_BYTES: usize = 4 << 20;
/// The most bytes of a values or context file.
pub const MAX_VALUES_BYTES: usize = 8 << 20;
/// The most bytes of a task file. ClearML stores a task in a MongoDB document, which holds 16 MiB at most.
pub const MAX_TASK_BYTES: usize = 17 << 20;

/// Decodes the bytes of a file called `name`, of at most `most` bytes.
///
/// # Errors
/// If it is larger, or isn't UTF-8.
pub fn decode(name: &str, bytes: Vec<u8>, most: usize) -> Result<String, Diagnostic> {
    if bytes.len() > most {
        return Err(Diagnostic::new(Code::Input, format!("{name} is larger than the limit of {} MiB", most >> 20))
            .help("is it the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let upto = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..upto].iter().filter(|b| **b == b'\n').count() + 1;
        Diagnostic::new(Code::Input, format!("{name} is not UTF-8: byte {upto} (line {line}) is not valid"))
            .help("save the file as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

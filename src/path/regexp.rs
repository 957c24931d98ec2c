//! I-Regexp ([RFC 9485](https://www.rfc-editor.org/rfc/rfc9485)) on top of the regex crate.

use regex::{Regex, RegexBuilder};

/// The most bytes of a compiled pattern.
const MOST_BYTES: usize = 1 << 20;

/// Compiles a pattern; with `anchored`, it matches complete strings only.
pub(super) fn compile(pattern: &str, anchored: bool) -> Result<Regex, String> {
    let body = translate(pattern);
    // Compiled alone first: `a)(b` must not become valid through the group put around it.
    build(&body)?;
    if anchored { build(&format!(r"\A(?:{body})\z")) } else { build(&body) }
}

fn build(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MOST_BYTES).nest_limit(64).build().map_err(|error| {
        // The crate's message shows the pattern over several lines; the last line says what is wrong.
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

/// Replaces `.` by its meaning in I-Regexp: any character but a line feed or a carriage return.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                out.push_str(r"[^\n\r]");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

//! The differences between two texts, as `diff -u` shows them.

use crate::diagnostic::render::{printable, printable_line};
use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// After this time the differences become coarser, but stay correct.
const LONGEST: Duration = Duration::from_secs(1);

/// A unified diff with three lines of context; empty if the texts are equal. It is for people: characters that a terminal
/// would interpret are replaced. With `colour`, ANSI escapes colour it.
pub fn unified(before: &str, after: &str, before_name: &str, after_name: &str, colour: bool) -> String {
    let diff = TextDiff::configure().timeout(LONGEST).diff_lines(before, after);
    let paint = |style: Style| if colour { style } else { Style::new() };
    let mut out = String::new();
    let mut line = |style: Style, text: &str| out.push_str(&format!("{style}{}{style:#}\n", printable(text)));
    for (number, hunk) in diff.unified_diff().iter_hunks().enumerate() {
        if number == 0 {
            line(paint(Style::new().bold()), &format!("--- {}", printable_line(before_name)));
            line(paint(Style::new().bold()), &format!("+++ {}", printable_line(after_name)));
        }
        line(paint(AnsiColor::Cyan.on_default()), &hunk.header().to_string());
        for change in hunk.iter_changes() {
            let style = match change.tag() {
                ChangeTag::Delete => AnsiColor::Red.on_default(),
                ChangeTag::Insert => AnsiColor::Green.on_default(),
                ChangeTag::Equal => Style::new(),
            };
            let text = change.value().strip_suffix('\n').unwrap_or(change.value());
            line(paint(style), &format!("{}{text}", change.tag()));
            if change.missing_newline() {
                line(Style::new(), "\\ No newline at end of file");
            }
        }
    }
    out
}

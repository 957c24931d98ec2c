//! Diagnostics as [workflow commands](https://docs.github.com/actions/reference/workflow-commands-for-github-actions)
//! of GitHub Actions, which appear beside the lines of a pull request.

use super::{Place, printable};
use crate::diagnostic::{Diagnostic, Severity, Sources};

/// The diagnostics as workflow commands, one per line.
pub fn github(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    diagnostics.iter().map(|diagnostic| command(diagnostic, sources)).collect()
}

fn command(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let name = match diagnostic.severity {
        Severity::Note => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut properties = Vec::new();
    if let Some(place) = Place::primary(sources, diagnostic) {
        properties.push(format!("file={}", property(place.file)));
        properties.push(format!("line={}", place.line));
        // GitHub takes columns only for a place on one line.
        if place.line == place.end_line {
            properties.push(format!("col={}", place.column));
        }
        properties.push(format!("endLine={}", place.end_line));
        if place.line == place.end_line {
            properties.push(format!("endColumn={}", place.end_column));
        }
    }
    properties.push(format!("title={}", property(&format!("podrules {}", diagnostic.code.as_str()))));
    let mut message = diagnostic.message.clone();
    if let Some(label) = diagnostic.primary.as_ref().filter(|label| !label.text.is_empty()) {
        message = format!("{message}: {}", label.text);
    }
    for label in &diagnostic.related {
        if let Some(place) = Place::of(sources, label.span) {
            message = format!("{message}\n{}:{}:{}: {}", place.file, place.line, place.column, label.text);
        }
    }
    if let Some(rule) = &diagnostic.rule {
        message = format!("{message}\nin rule {rule}");
    }
    if let Some(help) = &diagnostic.help {
        message = format!("{message}\nhelp: {help}");
    }
    format!("::{name} {}::{}\n", properties.join(","), data(&message))
}

/// Text after the `::`, in which an end of line would end the command.
fn data(text: &str) -> String {
    printable(&text.replace('\r', "")).replace('%', "%25").replace('\n', "%0A")
}

/// The value of a property, in which `,` and `:` would end it.
fn property(text: &str) -> String {
    // Unlike in a message, a carriage return can be part of a file's name.
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    printable(&escaped).replace(':', "%3A").replace(',', "%2C")
}

//! Findings to stderr, data to stdout.

use crate::exit::Exit;
use crate::failure::Failure;
use clap::ColorChoice;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources, render};
use std::io::{ErrorKind, Write};

/// Shows findings.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    color: ColorChoice,
    strict: bool,
}

impl Report {
    /// With the colours and the strictness that the command line asks for.
    pub fn new(color: ColorChoice, strict: bool) -> Self {
        Report { color, strict }
    }

    /// Whether warnings are errors.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether stderr is coloured.
    pub fn colour_errors(&self) -> bool {
        self.decide(anstream::AutoStream::choice(&std::io::stderr()))
    }

    /// Whether stdout is coloured.
    pub fn colour_data(&self) -> bool {
        self.decide(anstream::AutoStream::choice(&std::io::stdout()))
    }

    fn decide(&self, auto: anstream::ColorChoice) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => auto != anstream::ColorChoice::Never,
        }
    }

    /// The findings with `--strict` applied: warnings are errors then.
    pub fn judged(&self, found: Diagnostics) -> Vec<Diagnostic> {
        let mut list = found.into_vec();
        if self.strict {
            for diagnostic in list.iter_mut().filter(|d| d.severity == Severity::Warning) {
                diagnostic.severity = Severity::Error;
            }
        }
        list
    }

    /// Shows findings on stderr; true if any is an error.
    pub fn show(&self, found: Diagnostics, sources: &Sources) -> bool {
        let dropped = found.dropped();
        let list = self.judged(found);
        self.show_list(&list, dropped, sources);
        list.iter().any(Diagnostic::is_error)
    }

    /// Shows findings on stderr, and says how many more there were.
    pub fn show_list(&self, list: &[Diagnostic], dropped: usize, sources: &Sources) {
        if list.is_empty() {
            return;
        }
        let mut text = render::human(list, sources, self.colour_errors());
        text.push_str(&render::summary(list));
        if dropped > 0 {
            text.push_str(&format!(", and {dropped} more that are not shown"));
        }
        text.push('\n');
        // If stderr is closed, there is nowhere left to write.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Shows why a command stopped, if it did, and gives its exit code.
    pub fn end(&self, ended: Result<Exit, Failure>) -> Exit {
        ended.unwrap_or_else(|failure| {
            self.show(failure.found, &failure.sources);
            failure.exit
        })
    }
}

/// Writes data to stdout. A reader that has closed it has seen enough, which is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::input(Diagnostic::new(Code::Input, format!("stdout can't be written: {error}"))))
        }
        _ => Ok(()),
    }
}

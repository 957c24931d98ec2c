//! Files to an installation.

use podrules::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources};
use podrules::installation::{Draft, Inputs, Installation, Mistakes, Reader};
use podrules::source::decode;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A path that names no file: what is wrong with it, and what to do.
pub type Problem = (String, Option<String>);

/// Reads files. The environment is read anew for each task: an agent may change its own.
struct Files;

impl Reader for Files {
    fn read(&mut self, sources: &mut Sources, path: &Path, most: usize) -> Result<FileId, Diagnostic> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| Diagnostic::new(Code::Input, format!("{name} can't be read: {error}")))?;
        let text = decode(&name, bytes, most)?;
        Ok(sources.add(name, text))
    }
}

/// Reads and compiles files. Without values files there are no values: templates are given.
///
/// # Errors
/// All mistakes of all files, and the problems, together.
pub fn load(rules: &[String], values: &[String], problems: Vec<Problem>) -> Result<Installation, Box<Mistakes>> {
    let mut found = Diagnostics::new();
    for (message, help) in problems {
        let problem = Diagnostic::new(Code::Input, message);
        found.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
    let paths = |texts: &[String]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
    let values = (!values.is_empty()).then(|| paths(values));
    let inputs = Inputs { values, rules: paths(rules), ..Inputs::default() };
    Draft::read(&inputs, &mut Files, found).finish()
}

//! How texts come in: from files on the command line, from memory in tests and editors.

use crate::diagnostic::{Code, Diagnostic, FileId, Sources};
use crate::source::decode;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Brings the texts that an installation is loaded from, and the environment that its rules may look at.
pub trait Reader {
    /// Adds the text of a path to the sources, under the name that people know it by. [`decode`] checks a file's size and
    /// encoding.
    ///
    /// # Errors
    /// A finding if there is no such text, it has more than `most` bytes, or it isn't UTF-8.
    fn read(&mut self, sources: &mut Sources, path: &Path, most: usize) -> Result<FileId, Diagnostic>;

    /// The value of an environment variable that rules list in `env` and the values don't set. By default there is none.
    fn variable(&mut self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

/// Texts in memory, by path.
#[derive(Debug, Clone, Default)]
pub struct Texts(pub BTreeMap<PathBuf, String>);

impl<const N: usize> From<[(&str, &str); N]> for Texts {
    fn from(texts: [(&str, &str); N]) -> Self {
        Texts(texts.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect())
    }
}

impl Reader for Texts {
    fn read(&mut self, sources: &mut Sources, path: &Path, most: usize) -> Result<FileId, Diagnostic> {
        let name = path.display().to_string();
        let Some(text) = self.0.get(path) else {
            return Err(Diagnostic::new(Code::Input, format!("{name} can't be read: there is no such text")));
        };
        let text = decode(&name, text.clone().into_bytes(), most)?;
        Ok(sources.add(name, text))
    }
}

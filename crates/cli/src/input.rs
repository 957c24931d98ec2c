//! Files to texts, within bounds.

use podrules::diagnostic::{Code, Diagnostic, FileId, Sources};
use podrules::installation::Reader;
use podrules::source::decode;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads files, standard input for `-`, and the environment of this process.
pub struct Files;

impl Reader for Files {
    /// Adds a file to the sources. No more than `most` bytes of it are read.
    fn read(&mut self, sources: &mut Sources, path: &Path, most: usize) -> Result<FileId, Diagnostic> {
        let name = if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() };
        let refuse = |error: std::io::Error| Diagnostic::new(Code::Input, format!("{name} can't be read: {error}"));
        let mut bytes = Vec::new();
        let limit = most as u64 + 1;
        if is_stdin(path) {
            std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(refuse)?;
        } else {
            let file = File::open(path).map_err(refuse)?;
            if file.metadata().map_err(refuse)?.is_dir() {
                let diagnostic = Diagnostic::new(Code::Input, format!("{name} is a folder"));
                return Err(diagnostic.help("name a file in it"));
            }
            file.take(limit).read_to_end(&mut bytes).map_err(refuse)?;
        }
        let text = decode(&name, bytes, most)?;
        tracing::info!(file = %name, bytes = text.len(), "read file");
        Ok(sources.add(name, text))
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The YAML files that a path names: itself, or those directly in the folder, by name.
pub fn yaml_files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)
        .map_err(|error| Diagnostic::new(Code::Input, format!("{} can't be read: {error}", path.display())))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|e| e == "yaml" || e == "yml") && file.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Diagnostic::new(Code::Input, format!("{} holds no YAML file", path.display())));
    }
    Ok(files)
}

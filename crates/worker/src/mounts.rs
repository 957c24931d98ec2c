//! The files of the agent's container (`fileMounts`), put where hooks and commands find them offline, and the places in the values
//! that they come from.

use podrules::diagnostic::{Sources, Span};
use podrules::source::helm::{FileMount, Values};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Bytes of all files together.
const MOST_BYTES: usize = 16 << 20;

/// A file of the agent's container.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Its folder, as the values name it.
    folder: String,
    /// Its name in the folder.
    name: String,
    content: String,
    /// Where each of its lines stands in the values.
    lines: Vec<Span>,
}

impl Mount {
    /// All files that the values of an values hold.
    pub fn all(values: &Values, sources: &Sources) -> Vec<Mount> {
        values.file_mounts().iter().map(|mount| Mount::new(mount, sources)).collect()
    }

    fn new(mount: &FileMount, sources: &Sources) -> Mount {
        let text = &mount.content.value;
        let mut ends = Vec::new();
        let mut from = 0;
        for line in text.split('\n') {
            let start = from + line.len() - line.trim_start().len();
            ends.extend([start, (from + line.trim_end().len()).saturating_sub(1).max(start)]);
            from += line.len() + 1;
        }
        // Of an empty line both are the place of the line before: they ascend, as is needed.
        let places = mount.content.locate_all(sources, &ends);
        let lines = places.chunks(2).map(|ends| Span { end: ends[ends.len() - 1].end, ..ends[0] }).collect();
        Mount { folder: mount.folder_path.value.clone(), name: mount.name.value.clone(), content: text.clone(), lines }
    }

    /// The path in the agent's container; nothing for one that leads out of it.
    fn path(&self) -> Option<PathBuf> {
        inside(&Path::new(&self.folder).join(self.name.trim_start_matches('/')))
    }
}

/// A path without its root, of names alone.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => kept.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    (kept.components().count() > 0).then_some(kept)
}

/// The files, written below a folder that goes when this goes.
#[derive(Debug)]
pub struct Mounted {
    root: Option<tempfile::TempDir>,
    /// The folders that modules are searched in.
    folders: Vec<PathBuf>,
    written: Vec<(PathBuf, Vec<Span>)>,
    /// Further folders with modules of hooks.
    path: Vec<PathBuf>,
}

impl Mounted {
    /// Writes files into a folder of their own; `path` are further folders with modules.
    pub fn write(mounts: &[Mount], path: &[PathBuf]) -> Result<Mounted, String> {
        let mut files = Mounted { root: None, folders: Vec::new(), written: Vec::new(), path: path.to_vec() };
        if mounts.is_empty() {
            return Ok(files);
        }
        if mounts.iter().map(|mount| mount.content.len()).sum::<usize>() > MOST_BYTES {
            return Err(format!("has fileMounts of more than {} MiB", MOST_BYTES >> 20));
        }
        let cant = |error: std::io::Error| format!("has fileMounts that can't be written: {error}");
        let root = tempfile::Builder::new().prefix("podrules-").tempdir().map_err(cant)?;
        for mount in mounts {
            // What leads out of the container names no file there either.
            let Some(path) = mount.path() else { continue };
            let file = root.path().join(&path);
            let folder = file.parent().unwrap_or(root.path()).to_owned();
            fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &mount.content)).map_err(cant)?;
            if !files.folders.contains(&folder) {
                files.folders.push(folder);
            }
            files.written.retain(|(other, _)| *other != path);
            files.written.push((path, mount.lines.clone()));
        }
        files.root = Some(root);
        Ok(files)
    }

    /// The folders that modules are searched in, first to last.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.iter().chain(&self.path)
    }

    /// Whether a file is one of the hooks' own, and not a library's.
    pub fn is_own(&self, file: &str) -> bool {
        self.folders().any(|folder| Path::new(file).starts_with(folder))
    }

    /// A command with the files that this machine doesn't have at their paths named where they are.
    pub fn in_command(&self, command: &str) -> String {
        let Some(root) = &self.root else { return command.to_owned() };
        let absent = self.written.iter().map(|(path, _)| Path::new("/").join(path)).filter(|path| !path.exists());
        absent.fold(command.to_owned(), |command, path| {
            let here = root.path().join(path.strip_prefix("/").unwrap_or(&path));
            command.replace(&*path.to_string_lossy(), &here.to_string_lossy())
        })
    }

    /// A text of Python's with the paths of the agent's container in it.
    pub fn as_in_container(&self, text: &str) -> String {
        match &self.root {
            Some(root) => text.replace(&*root.path().to_string_lossy(), ""),
            None => text.to_owned(),
        }
    }

    /// The place of a line of a file, if the values hold it.
    pub fn span(&self, path: &str, line: usize) -> Option<Span> {
        let below = Path::new(path).strip_prefix(self.root.as_ref()?.path()).ok()?;
        let (_, lines) = self.written.iter().find(|(written, _)| written == below)?;
        lines.get(line.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::inside;
    use std::path::Path;

    #[test]
    fn nothing_leads_out_of_the_container() {
        assert_eq!(inside(Path::new("/root/a.py")).as_deref(), Some(Path::new("root/a.py")));
        assert_eq!(inside(Path::new("/root/./p//a.py")).as_deref(), Some(Path::new("root/p/a.py")));
        for bad in ["/root/../../etc/passwd", "..", "/", ""] {
            assert_eq!(inside(Path::new(bad)), None, "{bad}");
        }
    }
}

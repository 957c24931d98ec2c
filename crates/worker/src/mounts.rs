//! The files of the agent's container (the values' `fileMounts`), written to a folder where hooks and commands find them, and the
//! places in the values that their lines come from.

use podrules::diagnostic::{Sources, Span};
use podrules::source::helm::{FileMount, Values};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The size limit of all files together, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// A file of the agent's container.
#[derive(Debug, Clone)]
pub struct Mount {
    /// `folderPath` of the values.
    folder: String,
    /// The name in the folder.
    name: String,
    content: String,
    /// The place of each line in the values.
    lines: Vec<Span>,
}

impl Mount {
    /// All files that the values mount into the agent.
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
        // An empty line has the place of the line before twice, because `locate_all` needs ascending offsets.
        let places = mount.content.locate_all(sources, &ends);
        let lines = places.chunks(2).map(|ends| Span { end: ends[ends.len() - 1].end, ..ends[0] }).collect();
        Mount { folder: mount.folder_path.value.clone(), name: mount.name.value.clone(), content: text.clone(), lines }
    }

    /// The path in the agent's container, without its root; `None` if it leads out of the container.
    fn path(&self) -> Option<PathBuf> {
        inside(&Path::new(&self.folder).join(self.name.trim_start_matches('/')))
    }
}

/// A path without its root; `None` if it contains `..` or is empty.
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

/// The files, written to a temporary folder that is deleted when this is dropped.
#[derive(Debug)]
pub struct Mounted {
    root: Option<tempfile::TempDir>,
    /// The folders of the files, in which modules are searched.
    folders: Vec<PathBuf>,
    /// The path of each file in the container, without its root, and the places of its lines.
    written: Vec<(PathBuf, Vec<Span>)>,
    /// Further folders in which modules are searched.
    path: Vec<PathBuf>,
}

impl Mounted {
    /// Writes files to a new temporary folder. `path` are further folders in which modules are searched.
    ///
    /// # Errors
    /// The files are too large or can't be written. The text continues "the hook" or "the command".
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
            // A path that leads out of the container names no file in it.
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

    /// The folders in which modules are searched, first to last.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.iter().chain(&self.path)
    }

    /// Whether a file belongs to the hooks rather than to a library.
    pub fn is_own(&self, file: &str) -> bool {
        self.folders().any(|folder| Path::new(file).starts_with(folder))
    }

    /// A command in which the paths of files that don't exist on this machine are replaced by the paths of the written files.
    pub fn in_command(&self, command: &str) -> String {
        let Some(root) = &self.root else { return command.to_owned() };
        let absent = self.written.iter().map(|(path, _)| Path::new("/").join(path)).filter(|path| !path.exists());
        absent.fold(command.to_owned(), |command, path| {
            let here = root.path().join(path.strip_prefix("/").unwrap_or(&path));
            command.replace(&*path.to_string_lossy(), &here.to_string_lossy())
        })
    }

    /// A text in which the paths of written files are replaced by their paths in the agent's container.
    pub fn as_in_container(&self, text: &str) -> String {
        match &self.root {
            Some(root) => text.replace(&*root.path().to_string_lossy(), ""),
            None => text.to_owned(),
        }
    }

    /// The place in the values of a file's line (from 1), if the file comes from them.
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
    fn paths_outside_the_container_are_dropped() {
        assert_eq!(inside(Path::new("/root/a.py")).as_deref(), Some(Path::new("root/a.py")));
        assert_eq!(inside(Path::new("/root/./p//a.py")).as_deref(), Some(Path::new("root/p/a.py")));
        for bad in ["/root/../../etc/passwd", "..", "/", ""] {
            assert_eq!(inside(Path::new(bad)), None, "{bad}");
        }
    }
}

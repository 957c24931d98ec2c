//! Finds out from Rust sources which file uses which: follows paths with `crate`, `super` and `self`, through `pub use`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// The repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A crate's files, by module path: "" is the root, `op::set_env` a file in a folder.
pub struct Crate {
    pub files: BTreeMap<String, File>,
}

/// What a file mentions and re-exports.
#[derive(Default)]
pub struct File {
    /// Paths that start with `crate`, `super` or `self`, made absolute.
    mentions: BTreeSet<Vec<String>>,
    /// Re-exported names, with their origin.
    exports: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads `src/` of a folder of the repository.
    pub fn read(folder: &str) -> Self {
        let src = Path::new(ROOT).join(folder).join("src");
        let mut paths = Vec::new();
        list(&src, &mut paths);
        assert!(!paths.is_empty(), "{} contains no source", src.display());
        let files = paths.into_iter().filter_map(|path| {
            let module = module_of(path.strip_prefix(&src).expect("below src"))?;
            let text = std::fs::read_to_string(&path).expect("a source");
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| unreachable!("{}: {error}", path.display()));
            Some((module.join("::"), File::of(&parsed, &module)))
        });
        Crate { files: files.collect() }
    }

    /// Which file uses which. Uses of what the parent module defines don't count: the parent contains both.
    pub fn uses(&self) -> BTreeSet<(String, String)> {
        let mut uses = BTreeSet::new();
        for (from, file) in &self.files {
            for path in &file.mentions {
                let to = self.file_of(path, 0);
                let parent = from.starts_with(&format!("{to}::")) || to.is_empty();
                if *from != to && !parent {
                    uses.insert((from.clone(), to));
                }
            }
        }
        uses
    }

    /// The file that defines what a path names.
    fn file_of(&self, path: &[String], depth: usize) -> String {
        let known = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length].join("::")));
        let length = known.unwrap_or_default();
        let module = path[..length].join("::");
        let export = path.get(length).and_then(|name| self.files.get(&module)?.exports.get(name));
        match export {
            Some(origin) if depth < 8 => self.file_of(origin, depth + 1),
            _ => module,
        }
    }
}

impl File {
    fn of(parsed: &syn::File, module: &[String]) -> Self {
        let mut file = File::default();
        Visitor { file: &mut file, module }.visit_file(parsed);
        file
    }
}

struct Visitor<'v> {
    file: &'v mut File,
    module: &'v [String],
}

impl Visitor<'_> {
    /// A path made absolute, if it is within the crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut rest = path.iter().peekable();
        let mut base = match rest.next()?.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.to_vec(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => return None,
        };
        while rest.next_if(|segment| *segment == "super").is_some() {
            base.pop();
        }
        base.extend(rest.cloned());
        Some(base)
    }

    fn mention(&mut self, path: &[String]) {
        self.file.mentions.extend(self.absolute(path));
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &[String], public: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), public),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before, public)),
            syn::UseTree::Name(name) if name.ident == "self" => self.used(before, before.last().cloned(), public),
            syn::UseTree::Name(name) => self.used(&with(&name.ident), Some(name.ident.to_string()), public),
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                self.used(before, Some(rename.rename.to_string()), public)
            }
            syn::UseTree::Rename(rename) => self.used(&with(&rename.ident), Some(rename.rename.to_string()), public),
            syn::UseTree::Glob(_) => self.used(before, None, public),
        }
    }

    fn used(&mut self, path: &[String], name: Option<String>, public: bool) {
        self.mention(path);
        if public && let Some(name) = name {
            // `pub use child::Name` names the child without `self`.
            let origin = self.absolute(path).unwrap_or_else(|| [self.module, path].concat());
            self.file.exports.insert(name, origin);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.mention(&segments);
        syn::visit::visit_path(self, path);
    }

    /// The tokens of macros aren't parsed, but searched for paths.
    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        let text = invoked.tokens.to_string().replace(" :: ", "::").replace("$ crate", "crate");
        for word in text.split_whitespace() {
            let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
            if word.starts_with("crate::") || word.starts_with("super::") {
                let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(word.len());
                let path: Vec<String> = word[..end].split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
                self.mention(&path);
            }
        }
        syn::visit::visit_macro(self, invoked);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The module of a file; `None` for a file of tests.
fn module_of(path: &Path) -> Option<Vec<String>> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    let test = |part: &String| part == "tests" || part == "test" || part.ends_with("_tests");
    (!module.iter().any(test)).then_some(module)
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

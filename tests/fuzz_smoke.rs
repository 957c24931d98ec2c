//! The fuzz targets on stable: proptest cuts, repeats, swaps and splices seeds. `fuzz/README.md` says how to search longer,
//! and with coverage.

#![allow(clippy::unwrap_used)]

#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/targets.rs"]
mod targets;

use proptest::prelude::*;

/// One change to a text. Places are fractions of its length, in units of 1/65536.
#[derive(Debug, Clone)]
enum Edit {
    Cut(u16, u8),
    Repeat(u16, u8, u8),
    Swap(u16, u16, u8),
    Put(u16, &'static str),
    Byte(u16, u8),
    /// Inserts a part of another seed.
    Splice(u16, usize, u16, u8),
}

/// Texts that tend to break parsers.
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "\u{1b}[0m",
    "é",
    "日本",
    "\u{202e}",
    "$",
    "${",
    "}",
    "$${",
    "{",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "`",
    "\\",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "!",
    "!!int ",
    "#",
    ": ",
    "- ",
    "? ",
    "---\n",
    "...",
    "%",
    ",",
    ".",
    "..",
    "@",
    "~",
    "null",
    "true",
    "yes",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e309",
    ".nan",
    "0x",
    "[?",
    "[*]",
    "[-1]",
    "&&",
    "||",
    "!(",
    "== ",
    "length(@)",
    "()",
    "#{",
    "fn f(){",
    "loop {",
    "|x|",
    "??",
    "?.",
    "**",
    "<<",
    "..=",
    "this",
    "pod",
    "item",
    "vars",
    "task",
    "pod.spec = 1;",
    "a.push(a);",
    "/*",
    "//",
    "$patch",
    "path:",
    "value:",
    "do:",
    "name: a",
];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(at, len)| Edit::Cut(at, len)),
        (any::<u16>(), any::<u8>(), any::<u8>()).prop_map(|(at, len, times)| Edit::Repeat(at, len, times)),
        (any::<u16>(), any::<u16>(), any::<u8>()).prop_map(|(a, b, len)| Edit::Swap(a, b, len)),
        (any::<u16>(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Edit::Put(at, piece)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (any::<u16>(), any::<usize>(), any::<u16>(), any::<u8>())
            .prop_map(|(at, seed, from, len)| Edit::Splice(at, seed, from, len)),
    ]
}

/// An index into a text, at a character boundary.
fn place(text: &str, part: u16) -> usize {
    let at = text.len() * usize::from(part) / 65536;
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn stretch(text: &str, part: u16, len: usize) -> (usize, usize) {
    let from = place(text, part);
    let to = (from..=(from + len).min(text.len())).rev().find(|to| text.is_char_boundary(*to)).unwrap_or(from);
    (from, to)
}

fn changed(seeds: &[&str], first: usize, edits: &[Edit]) -> Vec<u8> {
    let mut text = seeds[first % seeds.len()].to_owned();
    let mut bytes = Vec::new();
    for edit in edits {
        match edit {
            Edit::Cut(at, len) => {
                let (from, to) = stretch(&text, *at, usize::from(*len) / 4);
                text.replace_range(from..to, "");
            }
            Edit::Repeat(at, len, times) => {
                let (from, to) = stretch(&text, *at, usize::from(*len) / 8);
                let repeated = text[from..to].repeat(usize::from(*times) / 8);
                text.insert_str(to, &repeated);
            }
            Edit::Swap(a, b, len) => {
                let (from, to) = stretch(&text, *a, usize::from(*len) / 4);
                let taken = text[from..to].to_owned();
                text.replace_range(from..to, "");
                let at = place(&text, *b);
                text.insert_str(at, &taken);
            }
            Edit::Put(at, piece) => {
                let at = place(&text, *at);
                text.insert_str(at, piece);
            }
            Edit::Byte(at, byte) => bytes.push((*at, *byte)),
            Edit::Splice(at, seed, from, len) => {
                let other = seeds[seed % seeds.len()];
                let (from, to) = stretch(other, *from, usize::from(*len));
                let at = place(&text, *at);
                text.insert_str(at, &other[from..to]);
            }
        }
    }
    let mut out = text.into_bytes();
    // Replacing ASCII with ASCII keeps it valid text; now and then it becomes arbitrary bytes.
    for (at, byte) in bytes {
        let at = out.len() * usize::from(at) / 65536;
        if let Some(old) = out.get_mut(at).filter(|old| old.is_ascii()) {
            *old = if byte < 250 { byte % 128 } else { byte };
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_file(first in any::<usize>(), edits in prop::collection::vec(edit(), 0..8)) {
        targets::rules_file(&changed(seeds::RULES, first, &edits));
    }

    #[test]
    fn jsonpath(first in any::<usize>(), edits in prop::collection::vec(edit(), 0..8)) {
        targets::jsonpath(&changed(seeds::PATHS, first, &edits));
    }

    #[test]
    fn expression(first in any::<usize>(), edits in prop::collection::vec(edit(), 0..8)) {
        targets::expression(&changed(seeds::EXPRESSIONS, first, &edits));
    }

    #[test]
    fn yaml_roundtrip(first in any::<usize>(), edits in prop::collection::vec(edit(), 0..8)) {
        targets::yaml_roundtrip(&changed(seeds::YAML, first, &edits));
    }

    #[test]
    fn patches(first in any::<usize>(), edits in prop::collection::vec(edit(), 0..8)) {
        targets::patches(&changed(seeds::PATCHES, first, &edits));
    }
}

#[test]
fn seeds() {
    let all: [Target; 5] = [
        ("rules_file", seeds::RULES, targets::rules_file),
        ("jsonpath", seeds::PATHS, targets::jsonpath),
        ("expression", seeds::EXPRESSIONS, targets::expression),
        ("yaml_roundtrip", seeds::YAML, targets::yaml_roundtrip),
        ("patches", seeds::PATCHES, targets::patches),
    ];
    let folder = std::env::var_os("PODRULES_SEEDS").map(std::path::PathBuf::from);
    for (name, seeds, target) in all {
        for (number, seed) in seeds.iter().enumerate() {
            target(seed.as_bytes());
            if let Some(folder) = &folder {
                std::fs::create_dir_all(folder.join(name)).unwrap();
                std::fs::write(folder.join(name).join(number.to_string()), seed).unwrap();
            }
        }
    }
}

/// A target's name, its seeds, and its function.
type Target = (&'static str, &'static [&'static str], fn(&[u8]));

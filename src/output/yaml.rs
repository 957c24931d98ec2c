//! YAML as Kubernetes people write it, which YAML 1.1 and 1.2 readers take for the same value.
//!
//! serde-saphyr prints: block style, `- ` lists, multi-line text after `|`, and quotes around all that a YAML 1.1
//! reader (kubectl, Helm, PyYAML) would take for something other than text: `on`, `010`, `1:30`, `.5e1`, `2024-01-01`.
//! What is ours is one exception for Go's reader, see [`go_refuses`].

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, SerializerOptions};

/// A value as a YAML document in block style, keys in their order, with a newline at the end.
pub fn to_yaml(value: &Value) -> String {
    let mut options = SerializerOptions::default();
    // Long lines are left whole: folding makes commands hard to search for and to copy.
    options.folded_wrap_chars = usize::MAX;
    // Printing JSON values into a string has no way to fail; if it did, JSON is YAML too.
    serde_saphyr::to_string_with_options(&Printed(value), options).unwrap_or_else(|_| format!("{value}\n"))
}

/// Several values as YAML documents, divided by `---`.
pub fn documents(values: &[Value]) -> String {
    values.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}

/// A value on its way to the printer.
struct Printed<'v>(&'v Value);

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if go_refuses(text) => DoubleQuoted(text).serialize(serializer),
            Value::Array(list) => serializer.collect_seq(list.iter().map(Printed)),
            Value::Object(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, Printed(value)))),
            other => other.serialize(serializer),
        }
    }
}

/// Whether text can't go into a literal block for Go's YAML reader: where the first line that isn't empty begins with
/// a tab, it looks for the indentation there and refuses the tab. Others, and the YAML standard, accept it.
fn go_refuses(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}

//! YAML in the style that is usual for Kubernetes, which YAML 1.1 and 1.2 readers read as the same value.
//!
//! serde-saphyr prints: block style, `- ` lists, multi-line text after `|`, and quotes around all that a YAML 1.1
//! reader (kubectl, Helm, PyYAML) would read as something other than text: `on`, `010`, `1:30`, `.5e1`, `2024-01-01`.
//! Ours is one exception for Go's reader, see [`go_refuses`].

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, SerializerOptions};

/// Prints a value as a YAML document in block style, with its keys in their order and a newline at the end.
pub fn to_yaml(value: &Value) -> String {
    let mut options = SerializerOptions::default();
    // Long lines aren't folded, which would make commands hard to search for and to copy.
    options.folded_wrap_chars = usize::MAX;
    // Printing JSON values into a string can't fail; if it did, JSON is YAML too.
    serde_saphyr::to_string_with_options(&Printed(value), options).unwrap_or_else(|_| format!("{value}\n"))
}

/// Prints several values as YAML documents, separated by `---`.
pub fn documents(values: &[Value]) -> String {
    values.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}

/// A value as the printer serializes it.
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

/// Whether Go's YAML reader refuses a text in a literal block: if the first line that isn't empty begins with a tab, it
/// takes that for indentation. Other readers, and the YAML standard, accept it.
fn go_refuses(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}

//! Names that Kubernetes accepts: checking them, and making a valid name from any text.
//!
//! The formats are those of [Object Names and IDs](https://kubernetes.io/docs/concepts/overview/working-with-objects/names/)
//! and [Labels](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The most characters of a label value, label name or DNS-1123 label.
const LABEL_LEN: usize = 63;
/// The most characters of a DNS-1123 subdomain ([RFC 1123](https://www.rfc-editor.org/rfc/rfc1123#section-2.1)).
const SUBDOMAIN_LEN: usize = 253;

/// Whether a text is a valid label value: empty, or up to 63 characters of `[-A-Za-z0-9_.]` with a letter or digit at both ends.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified_part(text)
}

/// Whether a text is a valid key of a label, an annotation or a resource: a name, optionally with a DNS-1123 subdomain and a
/// slash before it.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns1123_subdomain(prefix) && is_qualified_part(name),
        None => is_qualified_part(text),
    }
}

/// Whether a text is a DNS-1123 label: up to 63 characters of `[-a-z0-9]` with a letter or digit at both ends.
pub fn is_dns1123_label(text: &str) -> bool {
    text.len() <= LABEL_LEN && ends_alphanumeric(text) && text.bytes().all(|b| is_dns_byte(b) || b == b'-')
}

/// Whether a text is a DNS-1123 subdomain: labels separated by dots, up to 253 characters. Each label may exceed 63.
pub fn is_dns1123_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_LEN
        && text.split('.').all(|part| ends_alphanumeric(part) && part.bytes().all(|b| is_dns_byte(b) || b == b'-'))
}

/// Whether a text is a valid port name: up to 15 characters of `[-a-z0-9]`, at least one letter, no `--`, no `-` at an end
/// ([RFC 6335, 5.1](https://www.rfc-editor.org/rfc/rfc6335#section-5.1)).
pub fn is_port_name(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|b| is_dns_byte(b) || b == b'-')
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.contains("--")
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a valid name of an environment variable: printable ASCII without `=`, and not empty. This is the rule
/// since Kubernetes 1.34, where RelaxedEnvironmentVariableValidation is always on (by default since 1.32).
pub fn is_env_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

/// Whether a text is a valid key of a ConfigMap or Secret.
pub fn is_config_key(text: &str) -> bool {
    (1..=SUBDOMAIN_LEN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && text != "."
        && !text.starts_with("..")
}

fn is_dns_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_qualified_part(text: &str) -> bool {
    (1..=LABEL_LEN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && ends_alphanumeric(text)
}

fn ends_alphanumeric(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if a.is_ascii_alphanumeric() && z.is_ascii_alphanumeric())
}

/// Makes a valid label value from any text. A valid text stays as it is. In any other, invalid characters are replaced and a
/// hash of the complete text is appended, so that two texts don't give the same value.
pub fn label_value(text: &str) -> String {
    if is_label_value(text) {
        return text.to_string();
    }
    sanitise(text, |c| (c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')).then_some(c))
}

/// Makes a DNS-1123 label (the name of a container, a volume, a host) from any text. A valid text stays as it is. Any other
/// gets a hash of the complete text, even if only its case changes, because `a` and `A` are two texts.
pub fn dns_label(text: &str) -> String {
    if is_dns1123_label(text) {
        return text.to_string();
    }
    sanitise(text, |c| {
        let c = c.to_ascii_lowercase();
        (c.is_ascii_alphanumeric() || c == '-').then_some(c)
    })
}

/// The characters of the hyphen and the hash.
const HASH_LEN: usize = 9;

fn sanitise(text: &str, keep: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(LABEL_LEN);
    for c in text.chars() {
        if out.len() == LABEL_LEN - HASH_LEN {
            break;
        }
        match keep(c) {
            Some(c) if out.is_empty() && !c.is_ascii_alphanumeric() => {}
            Some(c) => out.push(c),
            None if out.is_empty() || out.ends_with('-') => {}
            None => out.push('-'),
        }
    }
    out.truncate(out.trim_end_matches(['-', '.', '_']).len());
    if out.is_empty() {
        out.push('x');
    }
    out.push('-');
    for byte in &Sha256::digest(text.as_bytes())[..4] {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn validators() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        for (text, value, key, label, subdomain) in [
            ("", true, false, false, false),
            ("a", true, true, true, true),
            ("A", true, true, false, false),
            ("a.b", true, true, false, true),
            ("a_b", true, true, false, false),
            ("-a", false, false, false, false),
            ("a-", false, false, false, false),
            ("a..b", true, true, false, false),
            ("a.-b", true, true, false, false),
            ("1", true, true, true, true),
            ("a b", false, false, false, false),
            ("ä", false, false, false, false),
            ("a.io/b", false, true, false, false),
            ("A.io/b", false, false, false, false),
            ("/b", false, false, false, false),
            ("a/", false, false, false, false),
            ("a/b/c", false, false, false, false),
            (&long, true, true, true, true),
            (&longer, false, false, false, true),
        ] {
            let got = (is_label_value(text), is_label_key(text), is_dns1123_label(text), is_dns1123_subdomain(text));
            assert_eq!(got, (value, key, label, subdomain), "{text:?}");
        }
    }

    #[test]
    fn port_env_and_key_names() {
        for (text, port, env, key) in [
            ("http", true, true, true),
            ("80", false, true, true),
            ("a--b", false, true, true),
            ("sixteen-letters-", false, true, true),
            ("a b", false, true, false),
            ("1.a", false, true, true),
            ("A=b", false, false, false),
            ("", false, false, false),
            ("é", false, false, false),
            ("a\tb", false, false, false),
            (".", false, true, false),
            ("..a", false, true, false),
        ] {
            assert_eq!((is_port_name(text), is_env_name(text), is_config_key(text)), (port, env, key), "{text:?}");
        }
    }

    #[test]
    fn sanitised() {
        assert!(label_value("team/a b").starts_with("team-a-b-"));
        assert_eq!(label_value(""), "");
        assert!(dns_label("").starts_with("x-"));
        assert!(dns_label("Foo Bar").starts_with("foo-bar-"));
        assert_ne!(dns_label("Foo"), dns_label("FOO"));
        let many: HashSet<String> = (0..2000).map(|n| dns_label(&format!("task {n:>90}"))).collect();
        assert_eq!(many.len(), 2000);
    }

    proptest! {
        #[test]
        fn always_valid_and_idempotent(text in "\\PC{0,90}|[-_.A-Z/ ]{0,80}") {
            let value = label_value(&text);
            prop_assert!(is_label_value(&value), "{value}");
            prop_assert_eq!(label_value(&value), value);
            let dns = dns_label(&text);
            prop_assert!(is_dns1123_label(&dns), "{}", dns);
            prop_assert_eq!(dns_label(&dns), dns);
        }

        #[test]
        fn distinct_texts_stay_distinct(a in "\\PC{1,40}", b in "\\PC{1,40}") {
            prop_assume!(a != b);
            prop_assert_ne!(dns_label(&a), dns_label(&b));
            prop_assert_ne!(label_value(&a), label_value(&b));
        }
    }
}

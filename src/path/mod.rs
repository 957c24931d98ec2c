//! JSONPath ([RFC 9535](https://www.rfc-editor.org/rfc/rfc9535)).

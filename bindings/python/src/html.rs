//! Tables for notebooks. All their text is escaped: names of tasks and rules, and values, come from users.

/// Escapes text for HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A table of text cells. With `code`, the first column is code and keeps its whitespace.
pub fn table(heads: &[&str], rows: &[Vec<String>], code: bool) -> String {
    let mut out = String::from("<table class=\"podrules\"><thead><tr>");
    for head in heads {
        out.push_str(&format!("<th style=\"text-align:left\">{}</th>", escaped(head)));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            match (code, index) {
                (true, 0) => out.push_str(&format!(
                    "<td style=\"text-align:left;padding:0 1em\"><code style=\"white-space:pre\">{cell}</code></td>"
                )),
                _ => out.push_str(&format!("<td style=\"text-align:left;padding:0 1em\">{cell}</td>")),
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

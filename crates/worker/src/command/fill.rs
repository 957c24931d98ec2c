//! A command's placeholders, replaced by values that a shell can't interpret.

use super::Values;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::source::Text;

/// The command's text with its placeholders replaced; other braces stay. There is one pass, so values are never scanned again.
pub(super) fn fill(command: &Text, text: &str, values: &Values<'_>) -> Result<String, Diagnostic> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.all().into_iter().find(|(placeholder, ..)| rest.starts_with(placeholder)) {
            Some((placeholder, _, value)) if is_plain(value) => {
                filled.push_str(value);
                rest = &rest[placeholder.len()..];
            }
            Some((placeholder, variable, value)) => {
                let message = format!("{value:?} can't replace {placeholder} in a command: a shell could interpret it");
                let help = format!("write \"${variable}\", in quotes, instead: the variable has the same value");
                return Err(Diagnostic::new(Code::Command, message).at(command.span).help(help));
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether bash takes a text literally, and no program takes it for an option.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':' | '@' | '%' | '+' | ',');
    !value.is_empty() && !value.starts_with('-') && value.chars().all(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::test::{text, values};
    use super::*;

    fn filled(command: &str, queue_name: &str) -> Result<String, Diagnostic> {
        fill(&text(command), command, &values(queue_name))
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_are_kept() {
        let command = "[[ {queue_name} == 'a' ]] && echo ${HOME} {} {x} {pod_name}{namespace} {a,b}";
        let wanted = "[[ train == 'a' ]] && echo ${HOME} {} {x} clearml-id-0a1bml {a,b}";
        assert_eq!(filled(command, "train").unwrap(), wanted);
    }

    #[test]
    fn values_that_a_shell_could_interpret_are_refused() {
        for name in
            ["my queue", "a;b", "$(id)", "`id`", "a'b", "a\"b", "a\nb", "", "-rf", "a&b", "a|b", "*", "~", "a{b", "é"]
        {
            let refused = filled("echo {queue_name}", name).unwrap_err();
            assert!(refused.help.unwrap().contains("\"$PODRULES_QUEUE_NAME\""), "{name:?}");
            // Only if its placeholder is used.
            assert!(filled("echo {pod_name}", name).is_ok());
        }
        for name in ["train", "team-a_1.b", "a/b", "a:b@c%d+e,f"] {
            assert!(filled("echo {queue_name}", name).is_ok(), "{name}");
        }
    }
}

//! The agent's own commands around a Pod: `CLEARML_K8S_GLUE_POD_PRE_APPLY_CMD` before it is applied and
//! `CLEARML_K8S_GLUE_POD_POST_DELETE_CMD` after it was deleted. They are bash, with `{queue_name}`, `{pod_name}` and `{namespace}` replaced.
//!
//! A queue's name is a user's text, and must not become shell: a value that isn't plain is refused where a placeholder
//! stands, and may be read as a variable instead.

use crate::diagnostic::{Code, Diagnostic};
use crate::mounts::Mounted;
use crate::process::Family;
use crate::source::Text;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a command may take.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of its output that are kept, and lines that are shown.
const MOST_OUTPUT: u64 = 256 << 10;
const MOST_LINES: usize = 200;
/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(5);

/// What may stand in a command's placeholders.
#[derive(Debug, Clone)]
pub struct Values<'v> {
    /// The queue's name.
    pub queue_name: &'v str,
    /// The Pod's name.
    pub pod_name: &'v str,
    /// The Pod's namespace.
    pub namespace: &'v str,
}

impl<'v> Values<'v> {
    /// Each value with its placeholder and its variable.
    fn all(&self) -> [(&'static str, &'static str, &'v str); 3] {
        [
            ("{queue_name}", "PODRULES_QUEUE_NAME", self.queue_name),
            ("{pod_name}", "PODRULES_POD_NAME", self.pod_name),
            ("{namespace}", "PODRULES_NAMESPACE", self.namespace),
        ]
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    /// What it printed, line by line.
    pub log: Vec<String>,
    /// Why it counts as failed, if it does.
    pub failure: Option<Diagnostic>,
}

/// The command's text with its placeholders replaced; other braces stay. One pass: a value is never replaced again.
fn fill(command: &Text, text: &str, values: &Values<'_>) -> Result<String, Diagnostic> {
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
                let message =
                    format!("{value:?} can't stand for {placeholder} in a command: a shell could act upon it");
                let help = format!("write \"${variable}\" in its place, in quotes: it holds the same");
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

/// Whether a text means to bash just itself, and is no option.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':' | '@' | '%' | '+' | ',');
    !value.is_empty() && !value.starts_with('-') && value.chars().all(plain)
}

/// Runs a command in bash and waits for it, at most as long as `timeout`; then it is killed with all that it started. It
/// has the environment of this process, `env`, and the values as variables. Files of the agent's container that aren't here
/// are found in `mounted`.
pub fn run(
    command: &Text,
    values: &Values<'_>,
    env: &[(String, String)],
    mounted: Option<&Mounted>,
    timeout: Duration,
) -> Ran {
    let failed = |diagnostic: Diagnostic| Ran { log: Vec::new(), failure: Some(diagnostic.at(command.span)) };
    let cant =
        |what: &str, error: std::io::Error| Diagnostic::new(Code::Command, format!("the command {what}: {error}"));
    let text = mounted.map_or_else(|| command.value.clone(), |mounted| mounted.in_command(&command.value));
    let filled = match fill(command, &text, values) {
        Ok(filled) => filled,
        Err(diagnostic) => return failed(diagnostic),
    };
    // A file, not a pipe: a child that holds it open makes nobody wait.
    let output = tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file.try_clone()?, file)));
    let (out, err, mut output) = match output {
        Ok(files) => files,
        Err(error) => return failed(cant("has no place for its output", error)),
    };
    let mut bash = Command::new("bash");
    bash.args(["-c", &filled]).envs(env.iter().cloned());
    bash.envs(values.all().map(|(_, variable, value)| (variable, value)));
    bash.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut family = match Family::start(&mut bash) {
        Ok(family) => family,
        Err(error) => return failed(cant("can't be started: it needs bash", error)),
    };
    let deadline = Instant::now() + timeout;
    let status = loop {
        match family.child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK),
            _ => break None,
        }
    };
    drop(family);
    let mut bytes = Vec::new();
    let _ = output.seek(SeekFrom::Start(0)).and_then(|_| output.take(MOST_OUTPUT).read_to_end(&mut bytes));
    let log: Vec<String> = String::from_utf8_lossy(&bytes).lines().take(MOST_LINES).map(str::to_owned).collect();
    let message = match status {
        Some(status) if status.success() => None,
        Some(status) => Some(format!("the command ended with {status}")),
        None => Some(format!("the command took longer than {timeout:?} and was stopped")),
    };
    let failure = message.map(|message| {
        let mut diagnostic = Diagnostic::new(Code::Command, message).at(command.span);
        diagnostic.detail = (!log.is_empty()).then(|| log[log.len().saturating_sub(20)..].join("\n"));
        diagnostic.help("it ends with 0 if all is well; `|| true` says that a failure doesn't matter")
    });
    Ran { log, failure }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diagnostic::{FileId, Span};
    use crate::source::Style;

    fn text(command: &str) -> Text {
        Text { span: Span::new(FileId(0), 0, 0), value: command.to_owned(), style: Style::Made }
    }

    fn values(queue_name: &str) -> Values<'_> {
        Values { queue_name, pod_name: "clearml-id-0a1b", namespace: "ml" }
    }

    fn filled(command: &str, queue_name: &str) -> Result<String, Diagnostic> {
        fill(&text(command), command, &values(queue_name))
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        let command = "[[ {queue_name} == 'a' ]] && echo ${HOME} {} {x} {pod_name}{namespace} {a,b}";
        let wanted = "[[ train == 'a' ]] && echo ${HOME} {} {x} clearml-id-0a1bml {a,b}";
        assert_eq!(filled(command, "train").unwrap(), wanted);
    }

    #[test]
    fn what_a_shell_could_act_upon_is_refused() {
        for name in
            ["my queue", "a;b", "$(id)", "`id`", "a'b", "a\"b", "a\nb", "", "-rf", "a&b", "a|b", "*", "~", "a{b", "é"]
        {
            let refused = filled("echo {queue_name}", name).unwrap_err();
            assert!(refused.help.unwrap().contains("\"$PODRULES_QUEUE_NAME\""), "{name:?}");
            // Only where it would stand.
            assert!(filled("echo {pod_name}", name).is_ok());
        }
        for name in ["train", "team-a_1.b", "a/b", "a:b@c%d+e,f"] {
            assert!(filled("echo {queue_name}", name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_variables_hold_the_same_whatever_they_are() {
        let env = [("OWN".to_owned(), "x".to_owned())];
        let name = "my $(queue) 'q'";
        let ran = run(
            &text("echo \"$PODRULES_QUEUE_NAME|$PODRULES_POD_NAME|$PODRULES_NAMESPACE|$OWN\"; echo err >&2"),
            &values(name),
            &env,
            None,
            TIMEOUT,
        );
        assert!(ran.failure.is_none());
        assert_eq!(ran.log, [format!("{name}|clearml-id-0a1b|ml|x"), "err".to_owned()]);
    }

    #[test]
    fn failures_are_told() {
        let ran = run(&text("echo why; exit 3"), &values("q"), &[], None, TIMEOUT);
        let failure = ran.failure.unwrap();
        assert_eq!(failure.message, "the command ended with exit status: 3");
        assert_eq!(failure.detail.as_deref(), Some("why"));
        let started = Instant::now();
        let ran = run(
            &text("sleep 98765 & setsid sleep 98765 & sleep 98765"),
            &values("q"),
            &[],
            None,
            Duration::from_millis(300),
        );
        assert!(ran.failure.unwrap().message.contains("took longer than 300ms"));
        assert!(started.elapsed() < Duration::from_secs(20));
        // What it leaves in the background doesn't make anybody wait, and goes with it.
        let ran = run(&text("sleep 98765 & echo done"), &values("q"), &[], None, TIMEOUT);
        assert!(ran.failure.is_none());
        assert_eq!(ran.log, ["done"]);
    }

    #[test]
    fn output_is_bounded() {
        let ran = run(&text("head -c 10000000 /dev/zero | tr '\\0' '\\n'"), &values("q"), &[], None, TIMEOUT);
        assert!(ran.failure.is_none());
        assert_eq!(ran.log.len(), MOST_LINES);
    }
}

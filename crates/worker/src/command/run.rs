//! A command in bash, waited for as long as it may take; then killed with all that it started.

use super::Values;
use super::fill::fill;
use crate::mounts::Mounted;
use crate::process::Family;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::source::Text;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Bytes of its output that are kept, and lines that are shown.
pub(super) const MOST_OUTPUT: u64 = 256 << 10;
pub(super) const MOST_LINES: usize = 200;
/// The last lines that stand below an error.
const LAST_LINES: usize = 20;
/// How often it is looked whether it has ended.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    /// What it printed, line by line.
    pub log: Vec<String>,
    /// Why it counts as failed, if it does.
    pub failure: Option<Diagnostic>,
}

impl Ran {
    /// A command that was not started.
    pub(super) fn not(command: &Text, why: Diagnostic) -> Ran {
        Ran { log: Vec::new(), failure: Some(why.at(command.span)) }
    }

    /// A command that ended as `message` says, or well.
    pub(super) fn ended(command: &Text, log: Vec<String>, message: Option<String>) -> Ran {
        let failure = message.map(|message| {
            let mut diagnostic = Diagnostic::new(Code::Command, message).at(command.span);
            diagnostic.detail = (!log.is_empty()).then(|| log[log.len().saturating_sub(LAST_LINES)..].join("\n"));
            diagnostic.help("it ends with 0 if all is well; `|| true` says that a failure doesn't matter")
        });
        Ran { log, failure }
    }
}

/// Why something about a command can't be done.
pub(super) fn cant(what: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Code::Command, format!("the command {what}: {error}"))
}

/// What to say of a command that bash could not be started for.
pub(super) fn no_bash(error: &std::io::Error) -> Diagnostic {
    cant("can't be started: it needs bash", error)
}

/// What to say of a command that took too long.
pub(super) fn too_long(timeout: Duration) -> String {
    format!("the command took longer than {timeout:?} and was stopped")
}

/// The text that bash is given.
pub(super) fn filled(command: &Text, values: &Values<'_>, mounted: Option<&Mounted>) -> Result<String, Diagnostic> {
    let text = mounted.map_or_else(|| command.value.clone(), |mounted| mounted.in_command(&command.value));
    fill(command, &text, values)
}

/// A bash with the environment of this process, `env`, and the values as variables.
pub(super) fn bash(env: &[(String, String)], values: &Values<'_>) -> Command {
    let mut bash = Command::new("bash");
    bash.envs(env.iter().cloned());
    bash.envs(values.all().map(|(_, variable, value)| (variable, value)));
    bash
}

/// Waits until the process ends, or the time is over; `meanwhile` is called again and again.
pub(super) fn wait(family: &mut Family, timeout: Duration, mut meanwhile: impl FnMut()) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    loop {
        match family.child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK),
            _ => return None,
        }
        meanwhile();
    }
}

/// The beginning of what a command printed.
pub(super) fn lines(output: &mut File) -> Vec<String> {
    let mut bytes = Vec::new();
    let _ = output.seek(SeekFrom::Start(0)).and_then(|_| output.take(MOST_OUTPUT).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).lines().take(MOST_LINES).map(str::to_owned).collect()
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
    let filled = match filled(command, values, mounted) {
        Ok(filled) => filled,
        Err(diagnostic) => return Ran::not(command, diagnostic),
    };
    // A file, not a pipe: a child that holds it open makes nobody wait.
    let output = tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file.try_clone()?, file)));
    let (out, err, mut output) = match output {
        Ok(files) => files,
        Err(error) => return Ran::not(command, cant("has no place for its output", &error)),
    };
    let mut bash = bash(env, values);
    bash.args(["-c", &filled]).stdin(Stdio::null()).stdout(out).stderr(err);
    let mut family = match Family::start(&mut bash) {
        Ok(family) => family,
        Err(error) => return Ran::not(command, no_bash(&error)),
    };
    let status = wait(&mut family, timeout, || {});
    drop(family);
    let message = match status {
        Some(status) if status.success() => None,
        Some(status) => Some(format!("the command ended with {status}")),
        None => Some(too_long(timeout)),
    };
    Ran::ended(command, lines(&mut output), message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::TIMEOUT;
    use super::super::test::{text, values};
    use super::*;

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

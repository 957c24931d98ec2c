//! Running a command in bash, with a timeout. What it leaves in the background is killed.

use super::Values;
use super::fill::fill;
use crate::mounts::Mounted;
use crate::process::ProcessTree;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::source::Text;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The bytes of a command's output that are kept.
pub(super) const MOST_OUTPUT: u64 = 256 << 10;
/// The lines of a command's output that are logged.
pub(super) const MOST_LINES: usize = 200;
/// The last lines of the output, which a failure shows.
const LAST_LINES: usize = 20;
/// The interval at which the process is polled.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// The result of a command.
#[derive(Debug)]
pub struct CommandResult {
    /// The beginning of its output, line by line.
    pub log: Vec<String>,
    /// Why it failed; `None` if it succeeded.
    pub failure: Option<Diagnostic>,
}

impl CommandResult {
    /// The result of a command that was not started.
    pub(super) fn not_started(command: &Text, why: Diagnostic) -> CommandResult {
        CommandResult { log: Vec::new(), failure: Some(why.at(command.span)) }
    }

    /// The result of a command that has run; `message` is why it failed, if it did.
    pub(super) fn ended(command: &Text, log: Vec<String>, message: Option<String>) -> CommandResult {
        let failure = message.map(|message| {
            let mut diagnostic = Diagnostic::new(Code::Command, message).at(command.span);
            diagnostic.detail = (!log.is_empty()).then(|| log[log.len().saturating_sub(LAST_LINES)..].join("\n"));
            diagnostic.help("a command that succeeds exits with 0; append `|| true` if a failure doesn't matter")
        });
        CommandResult { log, failure }
    }
}

/// The finding that something about a command failed.
pub(super) fn failed(what: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Code::Command, format!("the command {what}: {error}"))
}

/// The finding that bash could not be started.
pub(super) fn no_bash(error: &std::io::Error) -> Diagnostic {
    failed("can't be started: it needs bash", error)
}

/// The message for a command's exit status.
pub(super) fn exited(status: impl std::fmt::Display) -> String {
    format!("the command exited with {status}")
}

/// The message for a command that was stopped after its timeout.
pub(super) fn timed_out(timeout: Duration) -> String {
    format!("the command took longer than {timeout:?} and was stopped")
}

/// The command's text for bash, with its placeholders replaced and the paths of mounted files.
pub(super) fn filled(command: &Text, values: &Values<'_>, mounted: Option<&Mounted>) -> Result<String, Diagnostic> {
    let text = mounted.map_or_else(|| command.value.clone(), |mounted| mounted.in_command(&command.value));
    fill(command, &text, values)
}

/// A bash with the environment of this process, `env`, and a variable for each value.
pub(super) fn bash(env: &[(String, String)], values: &Values<'_>) -> Command {
    let mut bash = Command::new("bash");
    bash.envs(env.iter().cloned());
    bash.envs(values.all().map(|(_, variable, value)| (variable, value)));
    bash
}

/// Waits until the process ends or the timeout is over (`None`), and calls `meanwhile` at each poll.
pub(super) fn wait(process: &mut ProcessTree, timeout: Duration, mut meanwhile: impl FnMut()) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    loop {
        match process.child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK),
            _ => return None,
        }
        meanwhile();
    }
}

/// The beginning of a command's output.
pub(super) fn lines(output: &mut File) -> Vec<String> {
    let mut bytes = Vec::new();
    let _ = output.seek(SeekFrom::Start(0)).and_then(|_| output.take(MOST_OUTPUT).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).lines().take(MOST_LINES).map(str::to_owned).collect()
}

/// Runs a command in bash and waits for it. After `timeout` it is killed together with everything it has started. It gets the
/// environment of this process, `env`, and a variable for each value. Paths of files of the agent's container that don't exist
/// here are replaced by those in `mounted`.
pub fn run(
    command: &Text,
    values: &Values<'_>,
    env: &[(String, String)],
    mounted: Option<&Mounted>,
    timeout: Duration,
) -> CommandResult {
    let filled = match filled(command, values, mounted) {
        Ok(filled) => filled,
        Err(diagnostic) => return CommandResult::not_started(command, diagnostic),
    };
    // A file rather than a pipe: a descendant that keeps it open can't block us.
    let output = tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file.try_clone()?, file)));
    let (out, err, mut output) = match output {
        Ok(files) => files,
        Err(error) => return CommandResult::not_started(command, failed("can't write its output", &error)),
    };
    let mut bash = bash(env, values);
    bash.args(["-c", &filled]).stdin(Stdio::null()).stdout(out).stderr(err);
    let mut process = match ProcessTree::start(&mut bash) {
        Ok(process) => process,
        Err(error) => return CommandResult::not_started(command, no_bash(&error)),
    };
    let status = wait(&mut process, timeout, || {});
    drop(process);
    let message = match status {
        Some(status) if status.success() => None,
        Some(status) => Some(exited(status)),
        None => Some(timed_out(timeout)),
    };
    CommandResult::ended(command, lines(&mut output), message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::TIMEOUT;
    use super::super::test::{text, values};
    use super::*;

    #[test]
    fn variables_have_the_values_whatever_they_contain() {
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
    fn failures_are_reported() {
        let ran = run(&text("echo why; exit 3"), &values("q"), &[], None, TIMEOUT);
        let failure = ran.failure.unwrap();
        assert_eq!(failure.message, "the command exited with exit status: 3");
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
        // Background processes aren't waited for, and are killed.
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

//! A command that runs exactly once per key, even if this process is killed at any moment and started again.
//!
//! A shell around the command holds a lock for as long as the command runs, and records its exit status; the shell survives this
//! process. A later process waits for the lock and reads the status. In one case a command runs again: if it was killed together
//! with the shell, because the machine, or the container with all its processes, went down. (The lock is free and there is no
//! status: nobody knows how far the command came.)

use super::Values;
use super::record::{Ended, Record, is_key, key_of};
use super::run::{CommandResult, TICK, bash, exited, failed, filled, no_bash, timed_out, wait};
use crate::mounts::Mounted;
use crate::process::{ProcessTree, kill_marked};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::source::Text;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The shell around a command. Its first argument is the command, the second the file for the exit status. Signals that the
/// command sends to its own group (`kill 0`) reach this shell too and must not end it; a trap, unlike ignoring them, isn't
/// inherited. The shell's own messages (`Killed`) are not part of the command's output.
const WRAPPER: &str = r#"
trap : HUP INT QUIT TERM USR1 USR2
exec 3>&2 2>/dev/null
"$BASH" -c "$1" bash 2>&3 3>&-
status=$?
echo "$status" >"$2"
exit "$status"
"#;

/// How long the command of another process is waited for at least: it may not have recorded its start yet.
const GRACE: Duration = Duration::from_secs(1);

/// The state folder, which records which commands have run. It must be on a local disk, where `flock` belongs to the open file,
/// and must be kept for as long as the keys are used: without it every command runs again.
#[derive(Debug)]
pub struct Once {
    folder: PathBuf,
    /// Marks the processes of this folder's commands.
    mark: String,
}

/// The result of a command that runs once.
#[derive(Debug)]
pub enum OnceResult {
    /// It ran now.
    Ran(CommandResult),
    /// It was already run by an earlier call.
    AlreadyRan {
        /// The exit status; `None` if it was stopped.
        status: Option<i32>,
        /// The beginning of its output, line by line.
        log: Vec<String>,
    },
}

impl OnceResult {
    /// The command's result, whether it ran now or earlier.
    pub fn into_result(self, command: &Text) -> CommandResult {
        let (status, log) = match self {
            OnceResult::Ran(result) => return result,
            OnceResult::AlreadyRan { status, log } => (status, log),
        };
        let message = match status {
            Some(0) => None,
            Some(status) => Some(exited(format_args!("exit status: {status}"))),
            None => Some("the command took too long or was interrupted".to_owned()),
        };
        CommandResult::ended(command, log, message)
    }
}

impl Once {
    /// Opens a state folder. It is created if it doesn't exist, so that other users can't read it.
    ///
    /// # Errors
    /// The folder can't be created or read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Once, Diagnostic> {
        let folder = folder.as_ref();
        let opened = || -> std::io::Result<Once> {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let folder = fs::canonicalize(folder)?;
            let of = fs::metadata(&folder)?;
            let mark = format!("once-{:x}-{:x}", of.dev(), of.ino());
            Ok(Once { folder, mark })
        };
        opened().map_err(|error| {
            let message = format!("{} can't be used as the state folder: {error}", folder.display());
            Diagnostic::new(Code::Command, message).help("choose a writable folder")
        })
    }

    /// Runs the command of a key, unless an earlier call, in this process or another, has run it; if that command is still running,
    /// waits for its end. A command that runs longer than `timeout`, counted from its start, is stopped. A command that was stopped
    /// or failed has run, too, and isn't repeated. A key has 1 to 64 characters of `[A-Za-z0-9-]`, such as a uid.
    ///
    /// This blocks for as long as the command runs.
    ///
    /// # Errors
    /// Nothing was started, because the record can't be read or written now. Try again later.
    pub fn run(
        &self,
        key: &str,
        command: &Text,
        values: &Values<'_>,
        env: &[(String, String)],
        mounted: Option<&Mounted>,
        timeout: Duration,
    ) -> Result<OnceResult, Diagnostic> {
        let not_started = |why| Ok(OnceResult::Ran(CommandResult::not_started(command, why)));
        if !is_key(key) {
            return not_started(Diagnostic::new(Code::Command, format!("{key:?} can't be a command's key")));
        }
        let unknown = |error: Error| failed("may have run: its record can't be used", &error).at(command.span);
        let record = Record::new(&self.folder, key);
        let mark = self.mark_of(key);
        let lock = match claim(&record, timeout).map_err(unknown)? {
            Claim::Ours(lock) => lock,
            Claim::AlreadyRan(ended) => {
                // This stops a command that took too long, and kills what another left in the background, as the process that
                // ran it would have done.
                kill_marked(&mark);
                record.shorten_log();
                return Ok(OnceResult::AlreadyRan { status: ended.status, log: record.lines() });
            }
        };
        let filled = match filled(command, values, mounted) {
            Ok(filled) => filled,
            // It is refused every time, so nothing needs to be recorded.
            Err(diagnostic) => return not_started(diagnostic),
        };
        if record.was_started() {
            tracing::warn!(key, "the command was interrupted by a crash; running it again");
            kill_marked(&mark);
        }
        let log = record.new_log().map_err(unknown)?;
        let mut bash = bash(env, values);
        bash.args(["-p", "-c", WRAPPER, "podrules", &filled]).arg(&record.done);
        bash.stdin(lock.try_clone().map_err(unknown)?);
        bash.stdout(log.try_clone().map_err(unknown)?).stderr(log);
        let process = match ProcessTree::start_marked(&mut bash, &mark) {
            Ok(process) => process,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return not_started(no_bash(&error));
            }
            // Memory, processes or open files may be available later.
            Err(error) => return Err(failed("can't be started now", &error).at(command.span)),
        };
        let (status, recorded) = watch(process, &record, timeout);
        let message = match status {
            Some(status) if status.success() => None,
            Some(status) => Some(exited(status)),
            None => Some(timed_out(timeout)),
        };
        let message = message
            .or_else(|| recorded.err().map(|error| format!("the command ran, but that can't be recorded: {error}")));
        Ok(OnceResult::Ran(CommandResult::ended(command, record.lines(), message)))
    }

    /// Forgets a key, so that its command would run again. The record of a running command stays for a later [`Once::clean`].
    pub fn forget(&self, key: &str) {
        if is_key(key) {
            Record::new(&self.folder, key).remove();
        }
    }

    /// Forgets all keys whose files weren't written for this long, as of Pods that were deleted while no agent ran. The age should
    /// be longer than a Pod can wait for its command.
    pub fn clean(&self, age: Duration) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let names = files.flatten().map(|file| file.file_name());
        let keys: BTreeSet<String> =
            names.filter_map(|name| name.to_str().and_then(key_of).map(str::to_owned)).collect();
        for key in keys {
            let record = Record::new(&self.folder, &key);
            if record.is_older(age) {
                record.remove();
            }
        }
    }

    /// The mark of the processes of a key's command, the same in a later process.
    fn mark_of(&self, key: &str) -> String {
        format!("{}-{key}", self.mark)
    }
}

/// Who runs a command.
enum Claim {
    /// This call runs it, and holds the lock.
    Ours(File),
    /// An earlier call has run it.
    AlreadyRan(Ended),
}

/// Takes the lock, or waits until the command that holds it has ended or timed out.
fn claim(record: &Record, timeout: Duration) -> std::io::Result<Claim> {
    let since = Instant::now();
    loop {
        if let Some(ended) = record.ended()?.filter(|ended| ended.complete) {
            return Ok(Claim::AlreadyRan(ended));
        }
        if let Some(lock) = record.try_lock()? {
            // The command may have ended before the lock was taken. From here on, nobody else can write.
            Record::mark_started(&lock);
            return Ok(record.ended()?.map_or(Claim::Ours(lock), Claim::AlreadyRan));
        }
        let waited = since.elapsed();
        // The command's start is a wall-clock time, as another process may have started it. The clock may be set, so the time
        // waited here counts as well.
        if waited >= timeout || (waited >= GRACE && record.running_for() >= timeout) {
            // Recorded before it is stopped: if we are killed in between, the next call stops it.
            record.write_end(None)?;
            return Ok(Claim::AlreadyRan(Ended { status: None, complete: true }));
        }
        record.limit_log();
        std::thread::sleep(TICK);
    }
}

/// Waits for our own command or stops it. Returns its status, and whether its end could be recorded.
fn watch(mut process: ProcessTree, record: &Record, timeout: Duration) -> (Option<ExitStatus>, std::io::Result<()>) {
    let status = wait(&mut process, timeout, || record.limit_log());
    // Recorded before it is stopped, as above.
    let recorded = match status {
        None => record.write_end(None),
        Some(_) => Ok(()),
    };
    drop(process);
    record.shorten_log();
    let recorded = match (status, record.ended()) {
        (_, Ok(Some(_))) => recorded,
        // The shell around it was killed, or the disk is full.
        (status, _) => record.write_end(status.and_then(|status| status.code())),
    };
    record.sync();
    (status, recorded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::super::TIMEOUT;
    use super::super::test::{text, values};
    use super::*;

    fn once() -> (tempfile::TempDir, Once) {
        let folder = tempfile::tempdir().unwrap();
        let once = Once::open(folder.path().join("a/b")).unwrap();
        (folder, once)
    }

    fn run(once: &Once, key: &str, command: &str) -> OnceResult {
        once.run(key, &text(command), &values("q"), &[], None, TIMEOUT).unwrap()
    }

    fn ran(result: OnceResult) -> CommandResult {
        let OnceResult::Ran(result) = result else { panic!("{result:?}") };
        result
    }

    fn before(result: OnceResult) -> (Option<i32>, Vec<String>) {
        let OnceResult::AlreadyRan { status, log } = result else { panic!("{result:?}") };
        (status, log)
    }

    #[test]
    fn it_runs_once_per_key() {
        let (_folder, once) = once();
        for key in ["a", "b"] {
            let first = ran(run(&once, key, "echo $PODRULES_POD_NAME; echo err >&2; cat; echo $0"));
            assert!(first.failure.is_none(), "{:?}", first.failure);
            assert_eq!(first.log, ["clearml-id-0a1b", "err", "bash"]);
        }
        assert_eq!(
            before(run(&once, "a", "echo again")),
            (Some(0), vec!["clearml-id-0a1b".into(), "err".into(), "bash".into()])
        );
        once.forget("a");
        assert_eq!(ran(run(&once, "a", "echo again")).log, ["again"]);
        assert_eq!(before(run(&once, "b", "")).0, Some(0));
    }

    #[test]
    fn a_failure_is_not_repeated() {
        let (_folder, once) = once();
        for (key, command, status, message) in [
            ("a", "echo why; exit 3", 3, "the command exited with exit status: 3"),
            ("b", "kill -9 $$", 137, "the command exited with exit status: 137"),
            ("c", "kill 0; sleep 98765", 143, "the command exited with exit status: 143"),
            ("d", "no-such-program 2>/dev/null", 127, "the command exited with exit status: 127"),
        ] {
            assert_eq!(ran(run(&once, key, command)).failure.unwrap().message, message);
            let again = run(&once, key, command);
            let OnceResult::AlreadyRan { status: recorded, .. } = again else { panic!("{again:?}") };
            assert_eq!(recorded, Some(status), "{command}");
            let again = again.into_result(&text(command)).failure.unwrap();
            assert_eq!(again.message, message);
        }
        // It counts as run even if its shell is killed with it.
        assert!(ran(run(&once, "e", "kill -9 0")).failure.unwrap().message.contains("signal: 9"));
        assert_eq!(before(run(&once, "e", "exit 0")), (None, vec![]));
    }

    #[test]
    fn after_its_timeout_it_is_stopped_and_never_repeated() {
        let (_folder, once) = once();
        let command = text("echo begun; sleep 98765 & setsid sleep 98765 & sleep 98765");
        let done = once.run("a", &command, &values("q"), &[], None, Duration::from_millis(300)).unwrap();
        let failure = ran(done).failure.unwrap();
        assert!(failure.message.contains("took longer than 300ms"));
        assert_eq!(failure.detail.as_deref(), Some("begun"));
        assert_eq!(before(run(&once, "a", "exit 0")), (None, vec!["begun".to_owned()]));
    }

    #[test]
    fn bad_values_and_keys_run_nothing() {
        let (folder, once) = once();
        let command = text("touch ran; echo {queue_name}");
        let refused = once.run("a", &command, &values("a;b"), &[], None, TIMEOUT).unwrap();
        assert!(ran(refused).failure.unwrap().message.contains("can't replace {queue_name}"));
        for key in ["", "../a", "a/b", "a.lock"] {
            assert!(
                ran(run(&once, key, "exit 0")).failure.unwrap().message.contains("can't be a command's key"),
                "{key:?}"
            );
            once.forget(key);
        }
        // Without the state folder, nothing is started; a later call can succeed.
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(once.run("b", &text("exit 0"), &values("q"), &[], None, TIMEOUT).is_err());
        fs::write(folder.path(), "").unwrap();
        assert!(Once::open(folder.path().join("a")).is_err());
    }

    #[test]
    fn neither_values_nor_commands_can_break_the_surrounding_shell() {
        let (_folder, once) = once();
        let env = [("BASH_ENV", "/dev/stdin"), ("BASH_FUNC_echo%%", "() { exit 5; }"), ("PODRULES_PROCESS", "x")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let done = once.run("a", &text("printf 1; exit 7; }; echo"), &values("q"), &env, None, TIMEOUT).unwrap();
        // A syntax error in the command only: its text isn't part of the surrounding shell's.
        assert_eq!(ran(done).failure.unwrap().message, "the command exited with exit status: 2");
        let done = once.run("b", &text("printf 1; exit 7"), &values("q"), &env, None, TIMEOUT).unwrap();
        assert_eq!(ran(done).failure.unwrap().message, "the command exited with exit status: 7");
        assert_eq!(before(run(&once, "b", "")).0, Some(7));
    }

    #[test]
    fn output_is_bounded_on_disk_too() {
        let (_folder, once) = once();
        let result = run(&once, "a", "head -c 40000000 /dev/zero | tr '\\0' '\\n'");
        assert!(ran(result).log.len() <= 200);
        let kept = fs::metadata(once.folder.join("a.log")).unwrap().len();
        assert_eq!(kept, 256 << 10);
    }

    #[test]
    fn old_keys_are_forgotten() {
        let (_folder, once) = once();
        for key in ["a", "b"] {
            ran(run(&once, key, "exit 0"));
        }
        let stranger = once.folder.join("stranger.txt");
        fs::write(&stranger, "").unwrap();
        once.clean(Duration::from_secs(3600));
        assert_eq!(before(run(&once, "a", "")).0, Some(0));
        once.clean(Duration::ZERO);
        let left: Vec<_> = fs::read_dir(&once.folder).unwrap().flatten().map(|file| file.path()).collect();
        assert_eq!(left, [stranger]);
    }

    #[test]
    fn only_one_of_several_concurrent_calls_runs_it() {
        let (folder, once) = once();
        let ledger = folder.path().join("ledger");
        let command = format!("sleep 0.05; echo ran >> {}", ledger.display());
        let ran = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| run(&once, "a", &command))).collect();
            let done = calls.into_iter().map(|call| call.join().unwrap());
            done.filter(|done| matches!(done, OnceResult::Ran(_))).count()
        });
        assert_eq!((ran, fs::read_to_string(ledger).unwrap().as_str()), (1, "ran\n"));
    }
}

//! A command that runs exactly once per key, even if this process is killed at any moment and started again.
//!
//! A shell around the command holds a lock for as long as the command runs, and writes down its end; that shell lives on
//! when this process dies. A later process waits for the lock and reads what is written. There is one case in which a
//! command runs again: it was broken off together with that shell, because the machine, or the container with all its
//! processes, went down. (Lock free, no end: nobody can say how far it came.)

use super::Values;
use super::evidence::{Ended, Evidence, is_key, key_of};
use super::run::{Ran, TICK, bash, cant, filled, no_bash, too_long, wait};
use crate::mounts::Mounted;
use crate::process::{self, Family};
use podrules::diagnostic::{Code, Diagnostic};
use podrules::source::Text;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The shell around a command, which is its first argument; the second is the file for its end. Signals that the command sends
/// to its own group (`kill 0`) reach this shell too, and must not end it; a trap, unlike ignoring them, isn't
/// inherited. What it has to say itself (`Killed`) is no output of the command.
const AROUND: &str = r#"
trap : HUP INT QUIT TERM USR1 USR2
exec 3>&2 2>/dev/null
"$BASH" -c "$1" bash 2>&3 3>&-
status=$?
echo "$status" >"$2"
exit "$status"
"#;

/// How long another process gets at least, before its command is found to take too long: its start may be just ahead.
const GRACE: Duration = Duration::from_secs(1);

/// A folder in which it is kept which commands have run. It must be on a local disk, where `flock` goes by open files, and stay
/// as long as the keys are of interest: nothing is known without it.
#[derive(Debug)]
pub struct Once {
    folder: PathBuf,
    /// What makes the marks of this folder's processes differ from those of others.
    mark: String,
}

/// What came of a command that runs once.
#[derive(Debug)]
pub enum Done {
    /// It ran now.
    Ran(Ran),
    /// An earlier process ran it.
    Before {
        /// Its exit status, if it has one: it may have been stopped.
        status: Option<i32>,
        /// What it printed, line by line.
        log: Vec<String>,
    },
}

impl Done {
    /// The same, whoever ran it.
    pub fn into_ran(self, command: &Text) -> Ran {
        match self {
            Done::Ran(ran) => ran,
            Done::Before { status: Some(0), log } => Ran::ended(command, log, None),
            Done::Before { status: Some(status), log } => Ran::ended(command, log, Some(ended_with(status))),
            Done::Before { status: None, log } => {
                Ran::ended(command, log, Some("the command took too long, or was broken off".to_owned()))
            }
        }
    }
}

fn ended_with(status: i32) -> String {
    format!("the command ended with exit status: {status}")
}

impl Once {
    /// Uses a folder, which is made if it isn't there. Others can't read what is in it.
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
            let message = format!("{} can't be used for what is known of commands: {error}", folder.display());
            Diagnostic::new(Code::Command, message).help("name a folder that can be written")
        })
    }

    /// Runs the command of a key, unless an earlier call did, in this process or another; if that one still runs, waits for its
    /// end. A command runs at most as long as `timeout`, counted from its start: then it is stopped, and that is its end. A
    /// failure is an end as well: nothing is repeated. A key is of `[A-Za-z0-9-]`, 64 at most, such as a uid.
    ///
    /// An error says that nothing was started, because what is known can't be read or written now: ask again later. This
    /// blocks for as long as the command runs.
    pub fn run(
        &self,
        key: &str,
        command: &Text,
        values: &Values<'_>,
        env: &[(String, String)],
        mounted: Option<&Mounted>,
        timeout: Duration,
    ) -> Result<Done, Diagnostic> {
        if !is_key(key) {
            let why = Diagnostic::new(Code::Command, format!("{key:?} can't be a key of what is known of commands"));
            return Ok(Done::Ran(Ran::not(command, why)));
        }
        let unknown = |error: Error| cant("can't be told to have run or not", &error).at(command.span);
        let files = Evidence::new(&self.folder, key);
        let mark = self.mark_of(key);
        let lock = match claim(&files, timeout).map_err(unknown)? {
            Claim::Ours(lock) => lock,
            Claim::Before(ended) => {
                // If it took too long it's stopped by this. Else what it left in the background goes, as it would have gone with
                // the process that ran it.
                process::end_marked(&mark);
                files.shorten();
                return Ok(Done::Before { status: ended.status, log: files.lines() });
            }
        };
        let filled = match filled(command, values, mounted) {
            Ok(filled) => filled,
            // That is so every time, so nothing needs to be written.
            Err(diagnostic) => return Ok(Done::Ran(Ran::not(command, diagnostic))),
        };
        if files.was_started() {
            tracing::warn!(key, "the command was broken off by a crash, and runs again");
            process::end_marked(&mark);
        }
        let log = files.new_log().map_err(unknown)?;
        let mut bash = bash(env, values);
        bash.args(["-p", "-c", AROUND, "podrules", &filled]).arg(&files.done);
        bash.stdin(lock.try_clone().map_err(unknown)?);
        bash.stdout(log.try_clone().map_err(unknown)?).stderr(log);
        let family = match Family::marked(&mut bash, &mark) {
            Ok(family) => family,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Ok(Done::Ran(Ran::not(command, no_bash(&error))));
            }
            // There may be room for it later: memory, processes, open files.
            Err(error) => return Err(cant("can't be started now", &error).at(command.span)),
        };
        let (status, recorded) = watch(family, &files, timeout);
        let message = match status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("the command ended with {status}")),
            None => Some(too_long(timeout)),
        };
        let message = message.or_else(|| {
            recorded.err().map(|error| format!("the command ran, but that can't be written down: {error}"))
        });
        Ok(Done::Ran(Ran::ended(command, files.lines(), message)))
    }

    /// Forgets a key: its command would run anew. If it still runs, that is left to a later [`Once::clean`].
    pub fn forget(&self, key: &str) {
        if is_key(key) {
            Evidence::new(&self.folder, key).remove();
        }
    }

    /// Forgets all keys of which nothing was heard for so long: of those whose Pods went while nobody looked. It should be
    /// longer than any time in which a Pod waits for its command.
    pub fn clean(&self, age: Duration) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let names = files.flatten().map(|file| file.file_name());
        let keys: BTreeSet<String> =
            names.filter_map(|name| name.to_str().and_then(key_of).map(str::to_owned)).collect();
        for key in keys {
            let files = Evidence::new(&self.folder, &key);
            if files.is_older(age) {
                files.remove();
            }
        }
    }

    /// By what the processes of a key's command are known, to a later process as well.
    fn mark_of(&self, key: &str) -> String {
        format!("{}-{key}", self.mark)
    }
}

/// Who runs a command.
enum Claim {
    /// Nobody: it's ours to run, with the lock.
    Ours(File),
    /// Somebody has.
    Before(Ended),
}

/// Takes the lock, or waits for the end of the command that has it; after its time that is stopped.
fn claim(files: &Evidence, timeout: Duration) -> std::io::Result<Claim> {
    let since = Instant::now();
    loop {
        if let Some(ended) = files.ended()?.filter(|ended| ended.whole) {
            return Ok(Claim::Before(ended));
        }
        if let Some(lock) = files.try_lock()? {
            // While it was taken the command may have ended; from here on, nobody else can write.
            Evidence::starts(&lock);
            return Ok(files.ended()?.map_or(Claim::Ours(lock), Claim::Before));
        }
        let waited = since.elapsed();
        // By the clock, as the command may have been started by a process that is gone; but clocks are set, too.
        if waited >= timeout || (waited >= GRACE && files.running_for() >= timeout) {
            // Written first: if we are killed here, the command counts as ended, and the next one stops it.
            files.end(None)?;
            return Ok(Claim::Before(Ended { status: None, whole: true }));
        }
        files.bound();
        std::thread::sleep(TICK);
    }
}

/// Waits for our own command, or stops it; and whether its end is written down.
fn watch(mut family: Family, files: &Evidence, timeout: Duration) -> (Option<ExitStatus>, std::io::Result<()>) {
    let status = wait(&mut family, timeout, || files.bound());
    // Written before it is stopped, as above.
    let recorded = match status {
        None => files.end(None),
        Some(_) => Ok(()),
    };
    drop(family);
    files.shorten();
    let recorded = match (status, files.ended()) {
        (_, Ok(Some(_))) => recorded,
        // The shell around it was killed, or found no room.
        (status, _) => files.end(status.and_then(|status| status.code())),
    };
    files.settle();
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

    fn run(once: &Once, key: &str, command: &str) -> Done {
        once.run(key, &text(command), &values("q"), &[], None, TIMEOUT).unwrap()
    }

    fn ran(done: Done) -> Ran {
        let Done::Ran(ran) = done else { panic!("{done:?}") };
        ran
    }

    fn before(done: Done) -> (Option<i32>, Vec<String>) {
        let Done::Before { status, log } = done else { panic!("{done:?}") };
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
    fn a_failure_is_an_end() {
        let (_folder, once) = once();
        for (key, command, status, message) in [
            ("a", "echo why; exit 3", 3, "the command ended with exit status: 3"),
            ("b", "kill -9 $$", 137, "the command ended with exit status: 137"),
            ("c", "kill 0; sleep 98765", 143, "the command ended with exit status: 143"),
            ("d", "no-such-program 2>/dev/null", 127, "the command ended with exit status: 127"),
        ] {
            assert_eq!(ran(run(&once, key, command)).failure.unwrap().message, message);
            let again = run(&once, key, command);
            let Done::Before { status: known, .. } = again else { panic!("{again:?}") };
            assert_eq!(known, Some(status), "{command}");
            let again = again.into_ran(&text(command)).failure.unwrap();
            assert_eq!(again.message, message);
        }
        // The shell around it goes with it: that counts all the same.
        assert!(ran(run(&once, "e", "kill -9 0")).failure.unwrap().message.contains("signal: 9"));
        assert_eq!(before(run(&once, "e", "exit 0")), (None, vec![]));
    }

    #[test]
    fn after_its_time_it_is_stopped_for_good() {
        let (_folder, once) = once();
        let command = text("echo begun; sleep 98765 & setsid sleep 98765 & sleep 98765");
        let done = once.run("a", &command, &values("q"), &[], None, Duration::from_millis(300)).unwrap();
        let failure = ran(done).failure.unwrap();
        assert!(failure.message.contains("took longer than 300ms"));
        assert_eq!(failure.detail.as_deref(), Some("begun"));
        assert_eq!(before(run(&once, "a", "exit 0")), (None, vec!["begun".to_owned()]));
    }

    #[test]
    fn what_cant_be_filled_in_or_named_doesnt_run() {
        let (folder, once) = once();
        let command = text("touch ran; echo {queue_name}");
        let refused = once.run("a", &command, &values("a;b"), &[], None, TIMEOUT).unwrap();
        assert!(ran(refused).failure.unwrap().message.contains("can't stand for {queue_name}"));
        for key in ["", "../a", "a/b", "a.lock"] {
            assert!(ran(run(&once, key, "exit 0")).failure.unwrap().message.contains("can't be a key"), "{key:?}");
            once.forget(key);
        }
        // Without a place for what is known, nothing is started; a later call may have it.
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(once.run("b", &text("exit 0"), &values("q"), &[], None, TIMEOUT).is_err());
        fs::write(folder.path(), "").unwrap();
        assert!(Once::open(folder.path().join("a")).is_err());
    }

    #[test]
    fn neither_the_values_nor_the_command_get_at_the_shell_around_it() {
        let (_folder, once) = once();
        let env = [("BASH_ENV", "/dev/stdin"), ("BASH_FUNC_echo%%", "() { exit 5; }"), ("PODRULES_PROCESS", "x")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let done = once.run("a", &text("printf 1; exit 7; }; echo"), &values("q"), &env, None, TIMEOUT).unwrap();
        // A mistake of the command's own, as the text isn't put into another.
        assert_eq!(ran(done).failure.unwrap().message, "the command ended with exit status: 2");
        let done = once.run("b", &text("printf 1; exit 7"), &values("q"), &env, None, TIMEOUT).unwrap();
        assert_eq!(ran(done).failure.unwrap().message, "the command ended with exit status: 7");
        assert_eq!(before(run(&once, "b", "")).0, Some(7));
    }

    #[test]
    fn output_is_bounded_where_it_is_kept_too() {
        let (_folder, once) = once();
        let done = run(&once, "a", "head -c 40000000 /dev/zero | tr '\\0' '\\n'");
        assert!(ran(done).log.len() <= 200);
        let kept = fs::metadata(once.folder.join("a.log")).unwrap().len();
        assert_eq!(kept, 256 << 10);
    }

    #[test]
    fn what_is_old_is_forgotten() {
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
    fn of_several_at_once_one_runs_it() {
        let (folder, once) = once();
        let ledger = folder.path().join("ledger");
        let command = format!("sleep 0.05; echo ran >> {}", ledger.display());
        let ran = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| run(&once, "a", &command))).collect();
            let done = calls.into_iter().map(|call| call.join().unwrap());
            done.filter(|done| matches!(done, Done::Ran(_))).count()
        });
        assert_eq!((ran, fs::read_to_string(ledger).unwrap().as_str()), (1, "ran\n"));
    }
}

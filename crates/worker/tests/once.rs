//! A command runs exactly once, even if the process that runs it is killed (SIGKILL) at any moment. The process is this test's
//! own program, started again.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use podrules::diagnostic::{FileId, Span};
use podrules::source::{Style, Text};
use podrules_worker::command::{Once, OnceResult, Values};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The folder of a case, in the environment of a helper.
const CASE: &str = "PODRULES_TEST_ONCE";
/// The timeout of a helper's command, in milliseconds.
const TIMEOUT: &str = "PODRULES_TEST_ONCE_TIMEOUT";
const LONG: u64 = 60_000;

/// A command that appends a line to the case's ledger when it begins, and another when it ends.
const LEDGER: &str = "echo begin >>ledger; sleep 0.03; echo end >>ledger";
const COMPLETE: &str = "begin\nend\n";

/// A folder with a command and the files that it writes.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(command: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("command"), command).unwrap();
        Case { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    /// Starts a process that runs the command.
    fn start(&self, timeout: u64) -> Child {
        let mut helper = Command::new(std::env::current_exe().unwrap());
        helper.args(["helper", "--exact", "--nocapture"]).current_dir(self.folder.path());
        helper.env(CASE, self.folder.path()).env(TIMEOUT, timeout.to_string());
        helper.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Runs the command in another process, waits for it, and returns its result.
    fn ask(&self, timeout: u64) -> String {
        assert!(self.start(timeout).wait().unwrap().success());
        self.read("told")
    }

    fn until(&self, what: &str, reached: impl Fn() -> bool) {
        let late = Instant::now() + Duration::from_secs(60);
        while !reached() {
            assert!(Instant::now() < late, "no {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether a process runs whose working folder is the case's.
    fn has_processes(&self) -> bool {
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|process| fs::read_link(process.path().join("cwd")).ok()).any(|cwd| cwd == self.folder.path())
    }
}

fn kill(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// The process that is killed. As a test it does nothing.
#[test]
fn helper() {
    let Some(folder) = std::env::var_os(CASE).map(PathBuf::from) else { return };
    let timeout = Duration::from_millis(std::env::var(TIMEOUT).unwrap().parse().unwrap());
    let value = fs::read_to_string(folder.join("command")).unwrap();
    let command = Text { span: Span::new(FileId(0), 0, 0), value, style: Style::Made };
    let values = Values { queue_name: "q", pod_name: "p", namespace: "n" };
    let once = Once::open(folder.join("once")).unwrap();
    let told = match once.run("key", &command, &values, &[], None, timeout).unwrap() {
        OnceResult::Ran(ran) => format!("ran {:?} {:?}", ran.failure.map(|failure| failure.message), ran.log),
        OnceResult::AlreadyRan { status, log } => format!("before {status:?} {log:?}"),
    };
    fs::write(folder.join("told"), told).unwrap();
}

#[test]
fn killed_at_any_moment_it_has_run_once() {
    let sweep = |from: u64| {
        for round in 0..40 {
            let case = Case::new(LEDGER);
            let first = case.start(LONG);
            // The delays range from before it can have started to after it has ended, in mixed order.
            std::thread::sleep(Duration::from_micros((round * 4 + from) * 7919 % 90_000));
            kill(first);
            let told = case.ask(LONG);
            assert_eq!(case.read("ledger"), COMPLETE, "{from} {round}: {told}");
            assert!(told == "ran None []" || told == "before Some(0) []", "{from} {round}: {told}");
            assert_eq!(case.ask(LONG), "before Some(0) []");
            assert_eq!(case.read("ledger"), COMPLETE);
        }
    };
    std::thread::scope(|scope| {
        for from in 0..4 {
            scope.spawn(move || sweep(from));
        }
    });
}

#[test]
fn killed_again_and_again_it_has_run_once() {
    let case = Case::new(LEDGER);
    for round in 0..20 {
        let process = case.start(LONG);
        std::thread::sleep(Duration::from_millis(round));
        kill(process);
    }
    case.ask(LONG);
    assert_eq!(case.read("ledger"), COMPLETE);
}

#[test]
fn killed_while_it_runs_the_next_waits_for_its_end_and_gets_its_output() {
    let case =
        Case::new("echo begin >>ledger; echo said; until [ -e go ]; do sleep 0.01; done; echo end >>ledger; exit 3");
    let first = case.start(LONG);
    case.until("begin", || case.read("ledger") == "begin\n");
    kill(first);
    let mut second = case.start(LONG);
    std::thread::sleep(Duration::from_millis(50));
    assert!(second.try_wait().unwrap().is_none());
    fs::write(case.path("go"), "").unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(case.read("told"), "before Some(3) [\"said\"]");
    assert_eq!(case.read("ledger"), COMPLETE);
}

#[test]
fn killed_while_it_hangs_the_next_stops_it() {
    let case = Case::new("echo begin >>ledger; sleep 98765 & setsid sleep 98765 & env -i sleep 98765");
    let first = case.start(LONG);
    case.until("begin", || case.read("ledger") == "begin\n");
    kill(first);
    assert_eq!(case.ask(200), "before None []");
    case.until("silence", || !case.has_processes());
    assert_eq!(case.ask(LONG), "before None []");
    assert_eq!(case.read("ledger"), "begin\n");
}

#[test]
fn its_background_processes_are_killed_by_the_next() {
    let case =
        Case::new("echo begin >>ledger; until [ -e go ]; do sleep 0.01; done; sleep 98765 <&0 & echo end >>ledger");
    let first = case.start(LONG);
    case.until("begin", || case.read("ledger") == "begin\n");
    kill(first);
    fs::write(case.path("go"), "").unwrap();
    case.until("end", || case.read("ledger") == COMPLETE);
    assert_eq!(case.ask(LONG), "before Some(0) []");
    case.until("silence", || !case.has_processes());
}

#[test]
fn killed_with_all_its_processes_it_runs_again() {
    // As when the machine goes down: the command kills itself and its shell, once no other process is left.
    let case = Case::new(
        "echo begin >>ledger; until [ -e go ]; do sleep 0.01; done; [ -e gone ] || { touch gone; kill -9 0; }; echo end >>ledger",
    );
    let first = case.start(LONG);
    case.until("begin", || case.read("ledger") == "begin\n");
    kill(first);
    fs::write(case.path("go"), "").unwrap();
    case.until("silence", || !case.has_processes());
    assert_eq!(case.ask(LONG), "ran None []");
    assert_eq!(case.read("ledger"), "begin\nbegin\nend\n");
}

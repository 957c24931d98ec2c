//! One Python process and the exchange of requests and answers with it. It is killed together with everything it has started.

use super::Settings;
use super::output::Output;
use crate::mounts::Mounted;
use crate::process::ProcessTree;
use podrules::diagnostic::Code;
use podrules::hook::HookFault;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Signal, kill_process};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program on Python's command line: it reads the two parts of the shim from fd 0.
const BOOT: &str = "\
import sys
if sys.version_info < (3, 8): sys.exit(97)
import os, types
def read():
    n, b = int.from_bytes(os.read(0, 4), 'big'), b''
    while len(b) < n: b += os.read(0, n - len(b)) or os._exit(0)
    return b
m = sys.modules['_podrules_clearml'] = types.ModuleType('_podrules_clearml')
exec(compile(read(), '<podrules-clearml>', 'exec'), m.__dict__)
exec(compile(read(), '<podrules-shim>', 'exec'), {'__name__': '<podrules>'})
";
/// The exit status of BOOT if the interpreter is too old.
const TOO_OLD: i32 = 97;
const SHIM: &str = include_str!("shim.py");
const CLEARML_OBJECTS: &str = include_str!("clearml_objects.py");

/// The variables that Python needs to find itself and its libraries and to handle text. None has credentials.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
];
/// The size limit of an answer, in bytes.
const MOST_ANSWER: usize = 64 << 20;
/// The interval at which the process is polled: a child of it may keep its pipes open.
const TICK: Duration = Duration::from_millis(50);
/// How long a hook that timed out has to print its stack.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A worker's process.
#[derive(Debug)]
pub(super) struct Process {
    tree: ProcessTree,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    /// The id of the last request.
    last_id: u64,
    /// Whether the shim has started; if not, the interpreter may be the cause of an error.
    ready: bool,
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) enum ExchangeEnd {
    /// The worker answered.
    Answer(Vec<u8>),
    /// The process exited, with its status if that is known.
    Exited(Option<ExitStatus>),
    /// The timeout was over.
    TimedOut,
    /// The hook printed too much.
    Flooded,
    /// The worker broke the protocol.
    Broken(&'static str),
}

impl Process {
    /// Starts Python and sends it the shim and its settings.
    pub(super) fn start(settings: &Settings, files: &Mounted) -> Result<Process, HookFault> {
        let python = settings.python.display();
        let cant = |why: String| {
            let mut fault = HookFault::new(Code::Python, format!("can't be run: {why}"));
            fault.help = Some("name a Python 3.8 or newer with --python or PODRULES_PYTHON".to_owned());
            fault
        };
        let mut command = Command::new(&settings.python);
        command.args(["-B", "-X", "utf8", "-c", BOOT]).env_clear();
        command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("PYTHONIOENCODING", "utf-8:backslashreplace").envs(settings.env.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut tree =
            ProcessTree::start(&mut command).map_err(|error| cant(format!("{python} can't be started: {error}")))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (tree.child.stdin.take(), tree.child.stdout.take(), tree.child.stderr.take())
        else {
            return Err(cant(format!("{python} has no pipes")));
        };
        let mut process = Process { tree, stdin, stdout, stderr, last_id: 0, ready: false };
        let paths: Vec<String> = files.folders().map(|path| path.to_string_lossy().into_owned()).collect();
        let setup = serde_json::json!({"path": paths, "memory": settings.memory}).to_string();
        let mut parts = Vec::new();
        for part in [CLEARML_OBJECTS, SHIM, &setup] {
            parts.extend(frame(part.as_bytes()));
        }
        // On some systems this doesn't fit into a pipe, so it is written before the pipes are non-blocking; Python reads meanwhile.
        let nonblocking = |fd: rustix::fd::BorrowedFd<'_>| fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK);
        let sent = process.stdin.write_all(&parts);
        let set = [process.stdin.as_fd(), process.stdout.as_fd(), process.stderr.as_fd()].map(nonblocking);
        if sent.is_err() || set.iter().any(Result::is_err) {
            let (end, output) = process.exchange(&[], LAST_WORDS);
            return Err(match end {
                ExchangeEnd::Exited(status) => process.start_failure(status, &output, &python.to_string()),
                _ => cant(format!("{python} doesn't read its input")),
            });
        }
        Ok(process)
    }

    /// Whether the process still runs: an idle worker may have been killed from outside.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.tree.child.try_wait(), Ok(None))
    }

    /// The id for the next request.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether the shim has started.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The fault of an interpreter that exited before the shim started.
    pub(super) fn start_failure(&self, status: Option<ExitStatus>, output: &Output, python: &str) -> HookFault {
        let why = match status.and_then(|status| status.code()) {
            Some(TOO_OLD) => format!("{python} is older than 3.8"),
            _ => {
                let text = output.text();
                let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
                let how = status.map_or("exited".to_owned(), |status| format!("exited with {status}"));
                format!("{python} {how}: {last}")
            }
        };
        let mut fault = HookFault::new(Code::Python, format!("can't be run: {why}"));
        fault.help = Some("name a Python 3.8 or newer with --python or PODRULES_PYTHON".to_owned());
        fault
    }

    /// Sends a request and waits for its answer. Returns how that ended, and what was printed meanwhile.
    pub(super) fn exchange(&mut self, body: &[u8], timeout: Duration) -> (ExchangeEnd, Output) {
        let request = frame(body);
        let mut unsent = request.as_slice();
        let mut answer = Incoming::default();
        let mut output = Output::default();
        let mut deadline = Instant::now() + timeout;
        let mut late = false;
        let end = loop {
            let now = Instant::now();
            if now >= deadline {
                if late {
                    break ExchangeEnd::TimedOut;
                }
                // The fault handler prints the stack of the hook. Then the exchange ends.
                late = true;
                deadline = now + LAST_WORDS;
                let _ = kill_process(self.tree.pid(), Signal::USR2);
            }
            let ready = match self.wait(!unsent.is_empty(), deadline.saturating_duration_since(now).min(TICK)) {
                Ok(ready) => ready,
                Err(_) => break ExchangeEnd::Broken("can't be polled"),
            };
            if ready.printed && !self.read_output(&mut output) {
                break ExchangeEnd::Flooded;
            }
            if ready.writable {
                match self.stdin.write(unsent) {
                    Ok(written) => unsent = &unsent[written..],
                    Err(error) if retry(&error) => {}
                    // It exited, as reading will show.
                    Err(_) => unsent = &[],
                }
            }
            if ready.answered {
                match answer.read(&mut self.stdout, &mut self.ready) {
                    Ok(None) => {}
                    Ok(Some(answer)) => break ExchangeEnd::Answer(answer),
                    Err(end) => break end,
                }
            } else if ready.idle && matches!(self.tree.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break ExchangeEnd::Exited(None);
            } else if late && ready.idle && !output.text().is_empty() {
                break ExchangeEnd::TimedOut;
            }
        };
        let end = match end {
            ExchangeEnd::Exited(_) => ExchangeEnd::Exited(self.status()),
            ExchangeEnd::Answer(_) if late => ExchangeEnd::TimedOut,
            other => other,
        };
        // Output that was printed before the answer is in the pipe by now.
        if !self.read_output(&mut output) && matches!(end, ExchangeEnd::Answer(_)) {
            return (ExchangeEnd::Flooded, output);
        }
        (end, output)
    }

    fn wait(&self, sending: bool, timeout: Duration) -> rustix::io::Result<Ready> {
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        let mut fds = vec![PollFd::new(&self.stdout, PollFlags::IN), PollFd::new(&self.stderr, PollFlags::IN)];
        if sending {
            fds.push(PollFd::new(&self.stdin, PollFlags::OUT));
        }
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let set = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok(Ready { answered: set(0), printed: set(1), writable: set(2), idle: !set(0) && !set(1) && !set(2) })
    }

    /// Reads the output without blocking; false if the hook has printed too much.
    fn read_output(&mut self, output: &mut Output) -> bool {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stderr.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => {
                    if !output.push(&buffer[..count]) {
                        return false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }

    /// The exit status, which may take a moment after the pipes are closed.
    fn status(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + LAST_WORDS;
        loop {
            match self.tree.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                _ => return None,
            }
        }
    }
}

#[derive(Debug)]
struct Ready {
    answered: bool,
    printed: bool,
    writable: bool,
    idle: bool,
}

/// The part of an answer that has been read.
#[derive(Debug, Default)]
struct Incoming {
    bytes: Vec<u8>,
}

impl Incoming {
    /// Reads what is available, and returns the answer once it is complete. The shim's first message is `ready`.
    fn read(&mut self, from: &mut ChildStdout, ready: &mut bool) -> Result<Option<Vec<u8>>, ExchangeEnd> {
        let mut buffer = [0; 64 << 10];
        match from.read(&mut buffer) {
            Ok(0) => return Err(ExchangeEnd::Exited(None)),
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if retry(&error) => return Ok(None),
            Err(_) => return Err(ExchangeEnd::Exited(None)),
        }
        loop {
            let Some(length) = self.length() else { return Ok(None) };
            if length > MOST_ANSWER {
                return Err(ExchangeEnd::Broken("answered with more than 64 MiB"));
            }
            if self.bytes.len() < 4 + length {
                return Ok(None);
            }
            let rest = self.bytes.split_off(4 + length);
            let message = std::mem::replace(&mut self.bytes, rest).split_off(4);
            match (*ready, self.bytes.is_empty()) {
                (false, _) if message == b"ready" => *ready = true,
                (false, _) => return Err(ExchangeEnd::Broken("answered before it got a request")),
                (true, true) => return Ok(Some(message)),
                (true, false) => return Err(ExchangeEnd::Broken("sent more than one answer")),
            }
        }
    }

    fn length(&self) -> Option<usize> {
        let head: [u8; 4] = self.bytes.get(..4)?.try_into().ok()?;
        Some(u32::from_be_bytes(head) as usize)
    }
}

fn retry(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// A message with its length before it. Requests are shorter than 4 GiB, because tasks are bounded.
fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

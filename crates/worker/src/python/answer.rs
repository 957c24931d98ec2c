//! A worker's answer: a template, or a fault with its place in the hook's own code.

use super::output::{Output, fault_frames, split_fault};
use super::process::{ExchangeEnd, Process};
use crate::mounts::Mounted;
use podrules::diagnostic::{Code, did_you_mean};
use podrules::hook::HookFault;
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitStatus;
use std::time::Duration;

/// A worker's answer.
pub(super) enum Reply {
    /// The template; null if the request had none.
    Template(Value),
    /// The modules have changed since they were imported.
    Stale,
    /// The hook failed.
    Fault(HookFault),
}

#[derive(Deserialize)]
struct Message {
    id: u64,
    #[serde(default)]
    template: Option<Value>,
    #[serde(default)]
    fault: Option<Fault>,
    #[serde(default)]
    stale: bool,
}

#[derive(Deserialize)]
struct Fault {
    kind: String,
    message: String,
    #[serde(default)]
    frames: Vec<Frame>,
    #[serde(default)]
    traceback: Option<String>,
    #[serde(default)]
    known: Vec<String>,
}

#[derive(Deserialize)]
struct Frame {
    file: Option<String>,
    line: Option<usize>,
}

/// Reads the answer to the request with this id.
pub(super) fn read(bytes: &[u8], id: u64, files: &Mounted) -> Reply {
    let message: Message = match serde_json::from_slice(bytes) {
        Ok(message) => message,
        Err(error) => {
            let message = format!("returned a template that can't be read: {error}");
            return Reply::Fault(HookFault::new(Code::HookResult, message));
        }
    };
    match message {
        Message { id: other, .. } if other != id => {
            Reply::Fault(HookFault::new(Code::Python, "got an answer to another request"))
        }
        Message { stale: true, .. } => Reply::Stale,
        Message { fault: Some(fault), .. } => Reply::Fault(of_fault(fault, files)),
        Message { template, .. } => Reply::Template(template.unwrap_or(Value::Null)),
    }
}

fn of_fault(fault: Fault, files: &Mounted) -> HookFault {
    let (code, verb) = match fault.kind.as_str() {
        "raised" => (Code::HookFailed, "raised "),
        "exit" | "threads" => (Code::HookFailed, ""),
        "memory" => (Code::LimitExceeded, "needs more memory than a hook may use: "),
        "import" => (Code::HookImport, "can't be imported: "),
        "missing-module" | "missing-function" => (Code::HookImport, "can't be found: "),
        _ => (Code::HookResult, ""),
    };
    let help = match fault.kind.as_str() {
        "raised" if fault.message.contains("unexpected keyword argument") => Some(
            "end its parameters with *args, **kwargs: agents may pass more arguments than the hook knows".to_owned(),
        ),
        "missing-module" => {
            Some("modules come from the values' fileMounts, --python-path and the interpreter's own path".to_owned())
        }
        "missing-function" => fault
            .message
            .rsplit('`')
            .nth(1)
            .and_then(|name| did_you_mean(name, fault.known.iter().map(String::as_str)))
            .map(|meant| format!("did you mean `{meant}`?")),
        "result" => Some("end it with `return {\"template\": template}`".to_owned()),
        _ => None,
    };
    let frames = fault.frames.into_iter().filter_map(|frame| Some((frame.file?, frame.line.unwrap_or(1))));
    let mut made = at_frames(code, format!("{verb}{}", fault.message), frames.rev().collect(), files);
    made.traceback = fault.traceback.map(|text| files.as_in_container(text.trim_end()));
    made.help = help;
    made
}

/// A fault at the innermost frame in the hook's own files, or else at the innermost frame; with its place in the values if the
/// file comes from them.
fn at_frames(code: Code, message: String, frames: Vec<(String, usize)>, files: &Mounted) -> HookFault {
    let mut fault = HookFault::new(code, message);
    let own = frames.iter().find(|(file, _)| files.is_own(file));
    if let Some((file, line)) = own.or(frames.first()) {
        fault.at = files.span(file, *line);
        fault.message = format!("{} ({}:{line})", fault.message, files.as_in_container(file));
    }
    fault
}

/// The fault of an exchange that ended without an answer.
pub(super) fn of_end(
    end: ExchangeEnd,
    output: &Output,
    timeout: Duration,
    process: &mut Process,
    files: &Mounted,
) -> HookFault {
    let text = output.text();
    let (_, stack) = split_fault(&text);
    let frames: Vec<(String, usize)> = fault_frames(stack)
        .into_iter()
        .filter(|(file, ..)| !file.starts_with("<podrules") && *file != "<string>")
        .map(|(file, line, _)| (file, line))
        .collect();
    let (code, message) = match end {
        ExchangeEnd::Exited(status) if !process.is_ready() => return process.start_failure(status, output, "Python"),
        ExchangeEnd::Exited(status) => (Code::HookFailed, format!("ended its process: {}", how(status))),
        ExchangeEnd::TimedOut => (Code::LimitExceeded, format!("took longer than {timeout:?} and was stopped")),
        ExchangeEnd::Flooded => {
            (Code::LimitExceeded, format!("printed more than {} MiB and was stopped", Output::limit()))
        }
        ExchangeEnd::Broken(why) => (Code::Python, why.to_owned()),
        // The caller handles answers.
        ExchangeEnd::Answer(_) => (Code::Python, "answered".to_owned()),
    };
    let mut fault = at_frames(code, message, frames, files);
    if !stack.trim().is_empty() {
        fault.traceback = Some(files.as_in_container(stack.trim_end()));
    }
    if fault.code == Code::LimitExceeded && fault.message.contains("longer") {
        fault.help = Some("allow more time in the rule: python: {call: …, timeout: 30s}".to_owned());
    }
    fault
}

fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => status.to_string(),
        None => "it no longer answers".to_owned(),
    }
}

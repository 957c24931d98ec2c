//! The async runtime, and signals to stop.

use crate::failure::Failure;
use podrules::diagnostic::{Code, Diagnostic};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Starts a runtime that works in this thread.
pub fn start() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::input(Diagnostic::new(Code::Input, format!("can't start the runtime: {error}"))))
}

/// Waits for Ctrl-C or a termination.
pub async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

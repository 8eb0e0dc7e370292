//! The signal by which a process is asked to end.

/// Resolves when the process is asked to end: ctrl-c, or SIGTERM on Unix.
///
/// Give it to [`Worker::run_until`](super::Worker::run_until). When the process is asked again, while it
/// ends, it ends at once, with exit code 130 or 143.
pub async fn shutdown_signal() {
    asked().await;
    let insisting = std::thread::Builder::new().name("flows shutdown".to_owned());
    if let Err(error) = insisting.spawn(end_when_asked_again) {
        tracing::debug!(%error, "no thread hears a second signal");
    }
}

/// On a thread of its own, so that it is heard also when the runtime is busy or has ended.
fn end_when_asked_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        let code = runtime.block_on(asked());
        std::process::exit(code);
    }
}

/// Resolves to the exit code of a process that the signal has ended.
async fn asked() -> i32 {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await; // no handler can be installed: never asked
        }
    };
    tokio::select! {
        () = interrupt => 130,
        () = terminate() => 143,
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}

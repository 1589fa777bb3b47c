//! Stops a command on Ctrl-C or a termination signal.

use contracts::ErrorName;
use tokio_util::sync::CancellationToken;

/// Waits for signals. The first signal cancels the run cleanly, and the second one ends the process immediately.
pub(super) async fn watch(cancel: CancellationToken) {
    signal().await;
    anstream::eprintln!("stopping; press Ctrl-C again to stop immediately");
    cancel.cancel();
    signal().await;
    std::process::exit(i32::from(ErrorName::RunCancelled.exit_code()));
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    // If no handler can be installed, no signal ever arrives.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

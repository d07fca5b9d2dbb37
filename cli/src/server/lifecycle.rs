//! Start, soft stop, hard stop.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Requests in flight may finish this long after a stop was asked for: longer than the longest hook (15 s).
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Cancels the token on the first SIGINT or SIGTERM; ends the process on the second.
pub fn stop_on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked {
                tracing::warn!("second stop signal: stopping without waiting");
                std::process::exit(130);
            }
            asked = true;
            tracing::info!("stopping: requests in flight may finish; a second signal stops at once");
            shutdown.cancel();
        }
    });
    Ok(())
}

//! Start, soft stop, hard stop.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::process::output_streams;

/// Requests in flight may finish this long after a stop was asked for: longer than the longest hook (15 s).
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Sockets that the process opens without a pause for the table of its files to grow; 128 KiB of the kernel's memory.
const CLIENTS_WITHOUT_PAUSE: u32 = 16_384;

/// Cancels the token on the first SIGINT or SIGTERM; ends the process on the second. SIGHUP does nothing: a server does not
/// end with the terminal that it was started in, and has no file to open again.
pub fn stop_on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hung_up.recv() => {
                    tracing::info!("SIGHUP: there is nothing to open again; SIGTERM and SIGINT stop");
                    continue;
                },
            }
            if asked {
                tracing::warn!("second stop signal: stopping without waiting");
                output_streams::finish();
                std::process::exit(130);
            }
            asked = true;
            shutdown.cancel();
            tracing::info!("stopping: requests in flight may finish; a second signal stops at once");
        }
    });
    Ok(())
}

/// From now on a file that may not grow further (`ulimit -f`) fails the write, as a full disk does, and does not end the process.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    // The handler stays without its receiver.
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}

/// Takes as many file handles as the system allows: every client and every module in memory holds one, and the usual soft
/// limit of 1,024 is there for programs that cannot count further.
pub fn take_all_file_handles() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit on open files; `ulimit -n` sets it");
    }
    if let Err(error) = hookd_runtime::reserve_file_table(CLIENTS_WITHOUT_PAUSE) {
        tracing::warn!(%error, "some clients may wait for some milliseconds while they connect");
    }
}

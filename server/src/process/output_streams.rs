//! The output of a server process. Its clients must not wait for the readers of its streams: both streams are queues.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::line_queue::{GapNotice, LastLines, LineQueue};

/// The streams of a process that serves.
#[derive(Debug)]
pub struct Streams {
    /// Data: where the server is reached.
    pub stdout: LineQueue,
    /// The log.
    pub stderr: LineQueue,
}

static STREAMS: OnceLock<Streams> = OnceLock::new();
static LAST_LINES: Mutex<Vec<LastLines>> = Mutex::new(Vec::new());

/// Makes queues of both streams, until the end of the process. `gap_notice` is for the log.
///
/// # Errors
/// The process has no free file descriptor.
pub fn begin(gap_notice: GapNotice) -> io::Result<&'static Streams> {
    if let Some(streams) = STREAMS.get() {
        return Ok(streams);
    }
    let (stdout, rest_of_data) = LineQueue::to(io::stdout(), |_| None)?;
    let (stderr, rest_of_log) = LineQueue::to(io::stderr(), gap_notice)?;
    LAST_LINES.lock().unwrap_or_else(PoisonError::into_inner).extend([rest_of_data, rest_of_log]);
    Ok(STREAMS.get_or_init(|| Streams { stdout, stderr }))
}

/// The queues; `None` in a process that does not serve.
pub fn streams() -> Option<&'static Streams> {
    STREAMS.get()
}

/// Writes the lines that wait, for two seconds at most. The last call of a process before it ends.
pub fn finish() {
    LAST_LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Lines of this process that reached no reader.
pub fn lost_lines() -> u64 {
    streams().map_or(0, |streams| streams.stdout.lost() + streams.stderr.lost())
}

//! Standard output that takes nothing, or nothing any more.

use std::io;

use thiserror::Error;

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub(super) use self::unix::check_open;
#[cfg(unix)]
pub use self::unix::reader_gone;

/// The output is lost.
#[derive(Debug, Error)]
#[error("cannot write to standard output; what was asked for may be done, but its answer is lost")]
pub struct LostOutput(#[from] io::Error);

impl LostOutput {
    /// The reader has seen enough (`hookd … | head`): no error.
    pub fn is_by_reader(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Only a Unix lets a program be started with standard output closed.
#[cfg(not(unix))]
pub(super) fn check_open() -> Result<(), LostOutput> {
    Ok(())
}

/// Never resolves: the next written line shows that the reader is gone.
#[cfg(not(unix))]
pub async fn reader_gone() {
    std::future::pending().await
}

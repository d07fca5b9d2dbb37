//! Standard output as a file descriptor.

use std::future::pending;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ctor::ctor;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_getfd};
use tokio::sync::oneshot;

use super::LostOutput;

/// Its number, on every Unix.
const STDOUT: i32 = 1;

/// Standard output was closed (`>&-`) when the program started.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before `main`, because Rust replaces closed streams by `/dev/null` for `main`.
#[ctor(unsafe)]
fn note_closed() {
    // SAFETY: nothing is done with it but to ask whether it is open.
    let stdout = unsafe { BorrowedFd::borrow_raw(STDOUT) };
    CLOSED.store(fcntl_getfd(stdout) == Err(Errno::BADF), Ordering::Relaxed);
}

/// Fails where nothing can be written.
pub fn check_open() -> Result<(), LostOutput> {
    if CLOSED.load(Ordering::Relaxed) { Err(LostOutput(Errno::BADF.into())) } else { Ok(()) }
}

/// Resolves when there is no reader any more, also while nothing is written. For commands that go on until they are stopped.
pub async fn reader_gone() {
    let (gone, is_gone) = oneshot::channel();
    // Lives as long as the process: what waits for a pipe cannot be called off.
    thread::spawn(move || {
        let stdout = io::stdout();
        // Errors are reported in any case.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        loop {
            match poll(&mut watched, None) {
                Ok(_) => break,
                Err(Errno::INTR) => {}
                // This stream cannot be watched: the next written line will show it.
                Err(_) => return,
            }
        }
        // The receiver is gone when the command has ended.
        let _ = gone.send(());
    });
    if is_gone.await.is_err() {
        pending::<()>().await;
    }
}

//! What goes on, for people who wait.

use std::io::Write as _;

/// Tells what goes on.
pub fn progress(line: &str) {
    // The measurement goes on when the terminal is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

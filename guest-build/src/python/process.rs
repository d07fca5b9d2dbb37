//! Programs that a build starts.

use std::process::Stdio;

use tokio::process::Command;

use crate::BuildError;

/// More than any of them says to a person.
const MAX_SAID_BYTES: usize = 1 << 20;

/// How a program ended.
pub(super) struct Ended {
    pub(super) succeeded: bool,
    /// What it wrote, to both of its streams.
    pub(super) said: String,
}

/// Runs a program, which ends with this future.
pub(super) async fn run(command: &mut Command, problem: &'static str) -> Result<Ended, BuildError> {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = running.await.map_err(BuildError::tool(problem))?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    // The end says why.
    let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_SAID_BYTES));
    Ok(Ended { succeeded: output.status.success(), said: said.split_off(start) })
}

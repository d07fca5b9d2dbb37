//! What the benches share: processes under test, the machine that they ran on, quantiles, and files that are written.
//!
//! `hookd-bench` measures the engine, `hookd-bench-im` the IM core.

pub mod by_hand;
pub mod files;
pub mod machine;
pub mod processes;
pub mod progress;
pub mod statistics;

use std::path::Path;

use anyhow::Context as _;

/// The folder with the workspace that this was built from.
pub fn workspace() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")
}

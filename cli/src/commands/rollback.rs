//! `hookd rollback`

use clap::Args;

use super::deploy::print;
use crate::client::{Api, ReleaseNote, ServerArguments};

/// Make an earlier version live in production again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd rollback                      # to the version that was live before the present one
  hookd rollback 3                    # to version 3, as `hookd releases` lists it

The switch is immediate; calls in flight end on the version they began with. A version comes back with the
environment variables that it had.")]
pub struct Rollback {
    /// Number of the version [default: the one that was live before the present one].
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// Print the release as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: ReleaseNote,
    #[command(flatten)]
    server: ServerArguments,
}

impl Rollback {
    /// Rolls back, and prints the live version.
    pub async fn run(self) -> anyhow::Result<()> {
        let release = Api::new(self.server.target()?)?.rollback(self.version, &self.by).await?;
        print(&release, self.json)
    }
}

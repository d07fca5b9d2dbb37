//! `hookd migrate`

mod compare;
mod scan;

use clap::{Args, Subcommand};

/// Move an app of LeanEngine to hookd.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Scan),
    Compare(Box<compare::Compare>),
}

impl Migrate {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Scan(scan) => scan.run().await,
            Command::Compare(compare) => compare.run().await,
        }
    }
}

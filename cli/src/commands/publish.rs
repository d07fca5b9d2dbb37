//! `hookd publish`

use clap::Args;

use super::deploy::print;
use crate::client::{Api, ReleaseNote, ServerArguments};

/// Make staging's version live in production.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hookd deploy my-hooks && hookd invoke _messageReceived --staging && hookd publish")]
pub struct Publish {
    /// Print the release as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: ReleaseNote,
    #[command(flatten)]
    server: ServerArguments,
}

impl Publish {
    /// Publishes, and prints the live version.
    pub async fn run(self) -> anyhow::Result<()> {
        let release = Api::new(self.server.target()?)?.publish(&self.by).await?;
        print(&release, self.json)
    }
}

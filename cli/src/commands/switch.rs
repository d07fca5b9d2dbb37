//! `hookd switch`

use anyhow::Context as _;
use clap::Args;

use crate::client::{Api, KnownKeys, Link, ServerArguments};
use crate::output;

/// Link this folder to an app on a server: commands in it and below use that app from then on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd switch shop --master-key …
  hookd switch shop --url https://im.example.org --master-key …

The address and the app go to `.hookd/link.toml` in this folder, the key to `hookd/keys.toml` in your own configuration
folder. Flags and environment go before the link. `hookd info` shows what holds.")]
pub struct Switch {
    /// The app [default: the one that commands use now].
    app_id: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
}

impl Switch {
    /// Checks the key with the server, and writes both files.
    pub async fn run(self) -> anyhow::Result<()> {
        let server = match &self.app_id {
            Some(app) => self.server.with_app(app),
            None => self.server,
        };
        let target = server.target()?;
        let (url, app, master_key) = (target.url.clone(), target.app_id.clone(), target.master_key.clone());
        Api::new(target)?.app().await?;
        KnownKeys::load()?.0.remember(&url, &app, &master_key)?;
        let folder = std::env::current_dir().context("cannot find the current directory")?;
        let text = format!("This folder talks to app `{app}` on `{url}`.");
        let path = Link { url, app }.save(&folder)?;
        output::data(&text)?;
        output::note(&format!("Written to `{}`; without it, this folder is linked no more.", path.display()));
        Ok(())
    }
}

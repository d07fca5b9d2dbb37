//! The part of `hookd settings` that is about pushes to offline clients.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use api_types::control::ImSettingsPatch;
use clap::{Args, ValueEnum};

/// The word that takes a setting back.
const NONE: &str = "none";

/// Pushes for clients that are offline.
#[derive(Debug, Args)]
#[command(next_help_heading = "Offline push")]
pub struct PushSettings {
    /// Where pushes for offline clients go: a URL that they are posted to, `log`, or `none`. An address that is not public needs
    /// the admin key.
    #[arg(long, value_name = "URL|log|none")]
    push_gateway: Option<String>,
    /// A file with the payload of pushes for which neither the hook nor the message has one: a JSON object, in which
    /// `${convId}`, `${timestamp}` and `${fromClientId}` are replaced; `none` takes it back.
    #[arg(long, value_name = "FILE|none")]
    push_content: Option<PathBuf>,
    /// Pushes go to devices with development certificates.
    #[arg(long, value_enum, value_name = "dev|prod")]
    push_environment: Option<PushEnvironment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PushEnvironment {
    Dev,
    Prod,
}

impl PushSettings {
    /// True where the admin key may be needed.
    pub fn names_an_address(&self) -> bool {
        self.push_gateway.is_some()
    }

    /// Adds the given values.
    ///
    /// # Errors
    /// The file with the content cannot be read.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) -> anyhow::Result<()> {
        patch.push_gateway = self.push_gateway.as_ref().map(|gateway| (gateway != NONE).then(|| gateway.clone()));
        patch.push_content = match &self.push_content {
            None => None,
            Some(none) if none.as_os_str() == NONE => Some(None),
            Some(file) => {
                let content = fs::read_to_string(file);
                Some(Some(
                    content.with_context(|| format!("cannot read the content of pushes from {}", file.display()))?,
                ))
            }
        };
        patch.push_dev = self.push_environment.map(|environment| environment == PushEnvironment::Dev);
        Ok(())
    }
}

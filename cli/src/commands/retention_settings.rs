//! The part of `hookd settings` that is about how long things are kept.

use api_types::control::ImSettingsPatch;
use clap::Args;

/// How long messages and conversations are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "How long things are kept")]
pub struct RetentionSettings {
    /// Delete messages that are older than so many days, once an hour; 0: keep them for ever.
    #[arg(long, value_name = "DAYS")]
    message_retention_days: Option<u32>,
    /// Delete conversations in which no message was sent and nothing was changed for so many days, with their messages; 0: keep them
    /// for ever.
    #[arg(long, value_name = "DAYS")]
    inactive_conversation_days: Option<u32>,
}

impl RetentionSettings {
    /// Adds the given values.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) {
        patch.message_retention_days = self.message_retention_days;
        patch.inactive_conversation_days = self.inactive_conversation_days;
    }
}

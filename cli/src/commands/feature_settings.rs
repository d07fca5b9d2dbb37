//! The part of `hookd settings` that is about what clients may do.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

/// Features of the chat that are off until the app switches them on.
#[derive(Debug, Args)]
#[command(next_help_heading = "What clients may do")]
pub struct FeatureSettings {
    /// A log-in needs a signature of the app's own server.
    #[arg(long, value_enum, value_name = "on|off")]
    login_signature: Option<Switch>,
    /// Creating conversations and changing members needs a signature of the app's own server.
    #[arg(long, value_enum, value_name = "on|off")]
    conversation_signature: Option<Switch>,
    /// Clients may edit messages that they sent.
    #[arg(long, value_enum, value_name = "on|off")]
    message_edit: Option<Switch>,
    /// Clients may recall messages that they sent.
    #[arg(long, value_enum, value_name = "on|off")]
    message_recall: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl FeatureSettings {
    /// The given values, by the names of the settings.
    pub fn changes(&self) -> Map<String, Value> {
        let given = [
            ("login_signature", self.login_signature),
            ("conversation_signature", self.conversation_signature),
            ("message_edit", self.message_edit),
            ("message_recall", self.message_recall),
        ];
        let given = given.into_iter().filter_map(|(name, switch)| Some((name, switch?)));
        given.map(|(name, switch)| (name.to_owned(), json!(switch == Switch::On))).collect()
    }
}

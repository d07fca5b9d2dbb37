//! The part of `hookd settings` that is about what clients may do.

use api_types::control::ImSettingsPatch;
use clap::{Args, ValueEnum};

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
    /// Conversations and clients have blacklists.
    #[arg(long, value_enum, value_name = "on|off")]
    blacklist: Option<Switch>,
    /// Changing a blacklist needs a signature of the app's own server.
    #[arg(long, value_enum, value_name = "on|off")]
    blacklist_signature: Option<Switch>,
    /// Members have roles, which decide what they may do to each other.
    #[arg(long, value_enum, value_name = "on|off")]
    roles: Option<Switch>,
    /// Where members have roles, one without any may add others.
    #[arg(long, value_enum, value_name = "on|off")]
    member_can_add: Option<Switch>,
}

/// A feature that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is there.
    On,
    /// It is not.
    Off,
}

impl Switch {
    /// As settings have it.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

impl FeatureSettings {
    /// Adds the given values.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) {
        let is_on = |switch: Option<Switch>| switch.map(Switch::is_on);
        patch.login_signature = is_on(self.login_signature);
        patch.conversation_signature = is_on(self.conversation_signature);
        patch.message_edit = is_on(self.message_edit);
        patch.message_recall = is_on(self.message_recall);
        patch.blacklist = is_on(self.blacklist);
        patch.blacklist_signature = is_on(self.blacklist_signature);
        patch.roles = is_on(self.roles);
        patch.member_can_add = is_on(self.member_can_add);
    }
}

//! The part of `hookd settings` that is about what clients may do.

use api_types::control::ImSettingsPatch;
use clap::{Args, ValueEnum};

/// The word for all origins.
const ANY: &str = "any";

/// Features of the chat that are off until the app switches them on.
#[derive(Debug, Args)]
#[command(next_help_heading = "What clients may do")]
pub struct FeatureSettings {
    /// Clients may log in. Switched off, the app closes their sockets, and refuses log-ins with 4100.
    #[arg(long, value_enum, value_name = "on|off")]
    im: Option<Switch>,
    /// The pages of browsers that may connect, as in the header `Origin` (`https://chat.example.org`); others get 4110. Clients outside
    /// of browsers send none, and are let in.
    #[arg(long, value_name = "ORIGIN,…|any", value_delimiter = ',')]
    allowed_origins: Vec<String>,
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
        patch.im_enabled = is_on(self.im);
        patch.allowed_origins = match self.allowed_origins.as_slice() {
            [] => None,
            [any] if any == ANY => Some(Vec::new()),
            origins => Some(origins.to_vec()),
        };
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

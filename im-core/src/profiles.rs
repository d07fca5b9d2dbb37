//! What the settings of an app begin with.

use api_types::Profile;

use crate::app::{ImSettings, RateOverflow};

/// The settings of an app of this profile that never saved any. An app that is older than profiles (`None`) goes on as before.
pub fn initial_settings(profile: Option<Profile>) -> ImSettings {
    match profile {
        None => ImSettings::default(),
        Some(Profile::Leancloud) => ImSettings {
            // S-27, S-28.
            client_sends_per_minute: 60,
            client_history_queries_per_minute: 120,
            client_operations_per_minute: 30,
            client_rate_overflow: RateOverflow::Silent,
            outgoing_messages_per_second: 160_000,
            // S-13, S-154.
            message_retention_days: 180,
            inactive_conversation_days: 180,
            // S-154.
            daily_users: 0,
            im_enabled: true,
            allowed_origins: Vec::new(),
            message_edit: false,
            message_recall: false,
            blacklist: false,
            roles: false,
            word_filter_direct: false,
            ..ImSettings::default()
        },
        // P-116, P-117.
        Some(Profile::Open) => ImSettings {
            client_sends_per_minute: 0,
            client_history_queries_per_minute: 0,
            client_operations_per_minute: 0,
            client_rate_overflow: RateOverflow::Error,
            outgoing_messages_per_second: 0,
            message_retention_days: 0,
            inactive_conversation_days: 0,
            daily_users: 0,
            im_enabled: true,
            allowed_origins: Vec::new(),
            message_edit: true,
            message_recall: true,
            blacklist: true,
            roles: true,
            word_filter_direct: true,
            ..ImSettings::default()
        },
    }
}

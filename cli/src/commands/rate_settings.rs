//! The part of `hookd settings` that is about how much clients may ask for.

use api_types::control::{ImSettingsPatch, RateOverflow};
use clap::{Args, ValueEnum};

/// Limits on what each client may do in a minute, and on what goes out to all.
#[derive(Debug, Args)]
#[command(next_help_heading = "How much clients may ask for")]
pub struct RateSettings {
    /// Clients that may log in on a day, by UTC, each counted once; others get 4113. 0: any number.
    #[arg(long, value_name = "COUNT")]
    daily_users: Option<u32>,
    /// Messages that a client may send in a minute, over all of its sessions; 0: any number.
    #[arg(long, value_name = "COUNT")]
    client_sends_per_minute: Option<u32>,
    /// Queries of the message history that a client may make in a minute; 0: any number.
    #[arg(long, value_name = "COUNT")]
    client_history_queries_per_minute: Option<u32>,
    /// Operations of each other type (log in, create, join, leave, …) that a client may make in a minute; 0: any number. Each type
    /// counts for itself.
    #[arg(long, value_name = "COUNT")]
    client_operations_per_minute: Option<u32>,
    /// What a client gets for a request beyond these limits.
    #[arg(long, value_enum, value_name = "silent|error")]
    client_rate_overflow: Option<Overflow>,
    /// Messages that go out to the app's clients in a second; beyond it transient messages are dropped. 0: any number.
    #[arg(long, value_name = "COUNT")]
    outgoing_messages_per_second: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Overflow {
    /// No answer: the call of its SDK ends after 20 s.
    Silent,
    /// Error 4116, MESSAGE_SENT_QUOTA_EXCEEDED.
    Error,
}

impl RateSettings {
    /// Adds the given values.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) {
        patch.daily_users = self.daily_users;
        patch.client_sends_per_minute = self.client_sends_per_minute;
        patch.client_history_queries_per_minute = self.client_history_queries_per_minute;
        patch.client_operations_per_minute = self.client_operations_per_minute;
        patch.client_rate_overflow = self.client_rate_overflow.map(|overflow| match overflow {
            Overflow::Silent => RateOverflow::Silent,
            Overflow::Error => RateOverflow::Error,
        });
        patch.outgoing_messages_per_second = self.outgoing_messages_per_second;
    }
}

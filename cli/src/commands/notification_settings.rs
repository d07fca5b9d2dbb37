//! The part of `hookd settings` that is about notification hooks.

use std::time::Duration;

use api_types::control::ImSettingsPatch;
use clap::Args;

/// Retries and bounds of notification hooks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Notification hooks")]
pub struct NotificationSettings {
    /// Attempts at a notification hook that fails before it becomes a dead letter, 1 to 100.
    #[arg(long, value_name = "COUNT")]
    notification_attempts: Option<u32>,
    /// The wait before the second attempt; it doubles with each further one, up to 5min.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    notification_retry: Option<Duration>,
    /// How old a call may grow before it becomes a dead letter, at most 30days.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    notification_max_age: Option<Duration>,
    /// How many calls of one hook may wait; beyond it new ones are dropped and counted.
    #[arg(long, value_name = "COUNT")]
    notification_queue_limit: Option<u32>,
    /// How many dead letters are kept, the newest.
    #[arg(long, value_name = "COUNT")]
    dead_letter_limit: Option<u32>,
}

impl NotificationSettings {
    /// Adds the given values.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) {
        patch.notification_attempts = self.notification_attempts;
        patch.notification_retry_ms = self.notification_retry.map(milliseconds);
        patch.notification_max_age_ms = self.notification_max_age.map(milliseconds);
        patch.notification_queue_limit = self.notification_queue_limit;
        patch.dead_letter_limit = self.dead_letter_limit;
    }
}

/// A duration as settings have it.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! The part of `hookd settings` that is about notification hooks.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

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
    /// The given values, by the names of the settings.
    pub fn changes(&self) -> Map<String, Value> {
        let milliseconds = |duration: Duration| json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let given = [
            ("notification_attempts", self.notification_attempts.map(|count| json!(count))),
            ("notification_retry_ms", self.notification_retry.map(milliseconds)),
            ("notification_max_age_ms", self.notification_max_age.map(milliseconds)),
            ("notification_queue_limit", self.notification_queue_limit.map(|count| json!(count))),
            ("dead_letter_limit", self.dead_letter_limit.map(|count| json!(count))),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

//! Times on the wire.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Where times come from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The server's clock.
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time that has passed since `earlier`; zero when it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// So much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// ISO 8601, UTC, milliseconds, `Z`: the form of `cdate`, `udate`, `createdAt`, `updatedAt`.
    pub fn to_iso(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .unwrap_or(DateTime::UNIX_EPOCH)
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Reads what `to_iso` writes, and any other RFC 3339 text.
    pub fn from_iso(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn iso_round_trip() {
        let time = Timestamp(1_700_000_000_123);
        assert_eq!(time.to_iso(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::from_iso(&time.to_iso()), Some(time));
    }
}

//! The clients that have logged in today, in apps that let so many in a day (S-122, S-154).

use async_trait::async_trait;

use super::StoreError;
use crate::ids::{AppId, ClientId};
use crate::timestamp::Timestamp;

/// A day, by UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a time.
    pub fn of(time: Timestamp) -> Self {
        const MILLISECONDS: i64 = 24 * 60 * 60 * 1000;
        Self(time.0.div_euclid(MILLISECONDS))
    }
}

/// The users of each app and day. Those of earlier days are forgotten.
#[async_trait]
pub trait DailyUsers: Send + Sync + 'static {
    /// Counts a client as one of today's users, once; false where `most` others are already.
    async fn count_daily_user(&self, app: &AppId, client: &ClientId, most: u32) -> Result<bool, StoreError>;
}

//! Calls that were in two places when the earlier version ended: in the outbox of its store, from which they came into the
//! table of calls, and in Redis, which had got them already.

use std::time::Duration;

use redis::cmd;

use super::OfApp;
use super::connection::TakeOverError;

/// A node that did not come back for its outbox in this time has lost its disk.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// What `TTL` says of a key that is absent, and of one that is kept for ever.
const ABSENT: i64 = -2;
const ENDLESS: i64 = -1;

impl OfApp<'_> {
    /// Deletes from the table what the earlier process of this node had handed to Redis.
    pub(super) async fn delete_handed_over(&self) -> Result<(), TakeOverError> {
        let Some(earlier) = self.earlier else { return Ok(()) };
        let (taken, prefix) = (self.key("taken"), format!("{earlier}:"));
        let mut cursor = "0".to_owned();
        loop {
            let (next, names) = self.some_of("ZSCAN", &taken, &cursor).await?;
            let names: Vec<String> =
                names.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(&prefix)).collect();
            if !names.is_empty() {
                self.lock.renew().await?;
                let row = |name: &String| name.strip_prefix(&prefix)?.parse::<u64>().ok();
                let rows = names.iter().filter_map(row).collect();
                let deleted = self.table.delete_handed_over(&self.app, rows).await?;
                tracing::debug!(app = %self.app, deleted, "calls of the outbox that are in Redis too");
                self.run::<()>(cmd("ZREM").arg(&taken).arg(&names)).await?;
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// True where rows of other nodes are kept, which look for them when they are updated.
    pub(super) async fn keeps_handed_over(&self) -> Result<bool, TakeOverError> {
        let taken = self.key("taken");
        let ends_in: i64 = self.run(cmd("TTL").arg(&taken)).await?;
        if ends_in == ENDLESS {
            self.run::<()>(cmd("EXPIRE").arg(&taken).arg(KEPT.as_secs())).await?;
        }
        Ok(ends_in != ABSENT)
    }
}

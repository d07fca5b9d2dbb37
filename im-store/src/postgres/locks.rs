//! Locks of things that have no row of their own. They end with their transaction.
//!
//! A transaction takes its locks in this order: rows of conversations by their keys, dead letters by their age, then these by
//! their numbers, then the one of the numbers of calls, then the rows of counts: of dead letters before those of calls, each
//! by their keys. So no two transactions wait for each other.

use hookd_im_core::ids::{AppId, Channel, ClientId, OrderKey};
use hookd_im_core::store::StoreError;
use sha2::{Digest as _, Sha256};

use super::pool::Connection;

/// What is locked. Two things may have the same number: then one of them waits without need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lock(i64);

impl Lock {
    /// Of calls that are made one after the other.
    pub(super) fn of_order_key(app: &AppId, channel: &Channel, key: &OrderKey) -> Self {
        Self::named(&["order key", app.as_str(), channel.as_str(), key.as_str()])
    }

    /// Of the one conversation that a set of members finds (S-8).
    pub(super) fn of_member_set(app: &AppId, digest: &str) -> Self {
        Self::named(&["member set", app.as_str(), digest])
    }

    /// Of the conversations that a client refuses.
    pub(super) fn of_refused_conversations(app: &AppId, client: &ClientId) -> Self {
        Self::named(&["refused conversations", app.as_str(), client.as_str()])
    }

    /// Of the service conversations that a client subscribes to.
    pub(super) fn of_subscriptions(app: &AppId, client: &ClientId) -> Self {
        Self::named(&["subscriptions", app.as_str(), client.as_str()])
    }

    /// Of the bans of an app.
    pub(super) fn of_bans(app: &AppId) -> Self {
        Self::named(&["bans", app.as_str()])
    }

    /// Of the step that brings the numbers of calls forward.
    pub(super) fn of_call_numbers() -> Self {
        Self::named(&["call numbers"])
    }

    /// As PostgreSQL knows it.
    pub(super) fn number(self) -> i64 {
        self.0
    }

    fn named(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let number = digest.first_chunk().map_or(0, |first| i64::from_le_bytes(*first));
        Self(number)
    }
}

/// Waits for all of them. What is read after it, in a statement of its own, is as the former holder left it.
pub(super) async fn take(connection: &Connection, locks: impl IntoIterator<Item = Lock>) -> Result<(), StoreError> {
    let numbers = numbers(locks);
    if !numbers.is_empty() {
        connection.execute_prepared(TAKE, &[&numbers]).await?;
    }
    Ok(())
}

/// Takes the locks with these [`numbers`].
pub(super) const TAKE: &str = "SELECT pg_advisory_xact_lock(number) FROM unnest($1::bigint[]) AS number";

/// In the order in which they are to be taken.
pub(super) fn numbers(locks: impl IntoIterator<Item = Lock>) -> Vec<i64> {
    let mut numbers: Vec<i64> = locks.into_iter().map(|Lock(number)| number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

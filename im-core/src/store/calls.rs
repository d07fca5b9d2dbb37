//! The table of calls: hooks (later web hooks and push) that are to be made, at least once.
//!
//! A call is data: the store knows neither hooks nor who makes them. It waits until a node claims it, and leaves the table
//! when it is settled. Calls of a channel with one order key are made one after the other, by their numbers: only the first
//! one is claimed, and it blocks its key until it is settled for good. Who looks for calls goes by their state, never by
//! "number greater than": transactions commit in another order than their numbers.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{NewCall, SessionEntry, StoreError};
use crate::ids::{AppId, Channel, NodeId, OrderKey};
use crate::timestamp::Timestamp;

/// The longest wait before a call that failed is made again. A call that is due later than twice this time from now shows
/// that the clock was set back: it is due now.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// How much may wait or run in one channel of an app. A call beyond it is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls.
    pub calls: usize,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// From a committed row to its call.
pub type MakeCall<R> = Box<dyn FnOnce(&R) -> Option<NewCall> + Send>;

/// A call that is stored with the operation it is about, in one transaction: a reader that finds the operation finds the
/// call. The store runs `make` with what it commits, inside the transaction, and adds the call that `make` returns.
pub struct CallFor<R> {
    /// From the committed row to its call; `None`: there is nothing to call. Synchronous, no I/O. It runs at most once.
    pub make: MakeCall<R>,
    /// Where they are reached the call is dropped and the operation goes on.
    pub limits: CallLimits,
}

impl<R> fmt::Debug for CallFor<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallFor").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What an operation wrote, and what happened to the call that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed<R> {
    /// The row, or the rows.
    pub row: R,
    /// The call of [`CallFor`].
    pub call: StoredCall,
}

/// What happened to a call that was to be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoredCall {
    /// There was none.
    #[default]
    None,
    /// It waits in the table.
    Queued,
    /// The limits are reached: it is not in the table.
    Full,
}

/// One step of [`Calls::add_calls`]: a call, a change of a session, or both. The change of the session is written also
/// where the call is not.
#[derive(Clone, Debug, Default)]
pub struct CallEntry {
    /// To be added.
    pub call: Option<NewCall>,
    /// The session that the call is about.
    pub session: Option<SessionEntry>,
}

impl From<NewCall> for CallEntry {
    fn from(call: NewCall) -> Self {
        Self { call: Some(call), session: None }
    }
}

/// A call that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Never given twice in an app; of calls with one order key a later one has the greater number. The same for each
    /// attempt, and also after a retry as a dead letter.
    pub number: u64,
    /// As in [`NewCall`].
    pub target: String,
    /// As in [`NewCall`].
    pub order_key: Option<OrderKey>,
    /// As in [`NewCall`].
    pub payload: Bytes,
    /// As in [`NewCall`].
    pub remote_address: Option<IpAddr>,
    /// When it was added.
    pub queued_at: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
}

/// Calls that a node took.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Those that are due longest first. No other node gets them before they are settled, given back, or the node is ended.
    pub calls: Vec<Call>,
    /// When to look again, if there are calls for later. Calls that are claimed already do not count.
    pub next: Option<Timestamp>,
}

/// How an attempt at a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The call leaves the table.
    Done,
    /// The attempt failed, and another one is made.
    Again {
        /// Not before this.
        at: Timestamp,
    },
    /// The last attempt failed: the call becomes a dead letter.
    Dead {
        /// The kind of the failure, one word.
        cause: String,
        /// Its text.
        reason: String,
    },
}

/// A call that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The call's number.
    pub number: u64,
    /// Where it waited.
    pub channel: Channel,
    /// What was called.
    pub target: String,
    /// The word of [`CallOutcome::Dead`].
    pub cause: String,
    /// The text of [`CallOutcome::Dead`].
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was added.
    pub queued_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// What the target was called with, where that was asked for.
    pub payload: Option<Bytes>,
}

/// Which dead letters of an app are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterFilter {
    /// Those with these numbers.
    Numbers(Vec<u64>),
    /// All, or all of one target.
    All {
        /// The target.
        target: Option<String>,
    },
}

/// What waits in one channel of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The app.
    pub app: AppId,
    /// The channel.
    pub channel: Channel,
    /// Calls, running ones included.
    pub waiting: u64,
    /// When the oldest of them was added.
    pub oldest: Timestamp,
}

/// A row of another table of calls, as it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCall {
    /// Its channel.
    pub channel: Channel,
    /// The call, with its number.
    pub call: Call,
    /// It is not made before this.
    pub due_at: Timestamp,
    /// Cause, reason and time of death of a dead letter.
    pub death: Option<(String, String, Timestamp)>,
}

/// The table of calls and its dead letters.
#[async_trait]
pub trait Calls: Send + Sync + 'static {
    /// Adds calls that belong to no stored operation, and writes changes of the node's open sessions, in this order and in
    /// one transaction. Answers what happened to each entry's call.
    async fn add_calls(
        &self,
        node: &NodeId,
        app: &AppId,
        entries: Vec<CallEntry>,
        limits: CallLimits,
    ) -> Result<Vec<StoredCall>, StoreError>;

    /// Takes at most `limit` calls that are due and that no node has claimed; of each order key only the first one, and only
    /// when it is not claimed itself. Of one node, one task at a time claims calls of a channel.
    async fn claim(&self, node: &NodeId, app: &AppId, channel: &Channel, limit: usize) -> Result<Claimed, StoreError>;

    /// Writes how attempts at calls ended, by number. A call that the node does not hold any more is left as it is: another
    /// one has it. At most `dead_letter_limit` dead letters of the app are kept, the newest; answers how many were deleted for
    /// that. The deletion may spread over later calls.
    async fn settle(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        settled: Vec<(u64, CallOutcome)>,
        dead_letter_limit: usize,
    ) -> Result<usize, StoreError>;

    /// Lets calls that the node holds be claimed again, as they were.
    async fn give_back(&self, node: &NodeId, app: &AppId, channel: &Channel, calls: Vec<u64>)
    -> Result<(), StoreError>;

    /// What waits, by app and channel.
    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError>;

    /// The newest dead letters of an app, newest first, at most `limit`.
    async fn dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limit: usize,
        with_payload: bool,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Adds dead letters again, oldest first, with their numbers (and so before later calls of their order keys), no attempts
    /// and a new age. A letter that finds its channel full stays. Answers the number of those that were added.
    async fn retry_dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limits: CallLimits,
    ) -> Result<usize, StoreError>;

    /// Deletes dead letters; answers their number.
    async fn discard_dead_letters(&self, app: &AppId, filter: &DeadLetterFilter) -> Result<usize, StoreError>;

    /// Adds calls and dead letters with their numbers. One that the app's channel has already with its number, as a call or as
    /// a dead letter, is left out. Where an earlier version of the backend gave the number to another call, the imported one
    /// gets the next free number. No limit applies, and numbers given later are greater.
    async fn import_calls(&self, app: &AppId, calls: Vec<ImportedCall>) -> Result<(), StoreError>;

    /// Deletes calls that the outbox of an earlier version had handed to another table, by the numbers of their rows. A
    /// backend that never had an outbox has none. Answers how many were deleted.
    async fn delete_handed_over(&self, app: &AppId, rows: Vec<u64>) -> Result<usize, StoreError>;

    /// Deletes the calls, dead letters and open sessions of an app.
    async fn forget_calls(&self, app: &AppId) -> Result<(), StoreError>;
}

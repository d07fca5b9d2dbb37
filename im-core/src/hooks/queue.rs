//! The durable queue of notification hooks: the trait of its backends.
//!
//! A call is queued before its operation is acknowledged, and leaves the queue after the hook answered: it runs at least
//! once, and every attempt carries the same sequence number.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hook_types::{ClientOffline, ClientOnline, Hook as _, HookKind};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

use super::FailureCause;
use crate::ids::{AppId, ClientId, SessionId};
use crate::store::{OutboxCall, StoreError};
use crate::timestamp::Timestamp;

/// The longest wait before a call that failed is made again. A call that waits for longer shows that the clock was set back.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The cause of a dead letter whose call this program cannot read.
pub const UNREADABLE: &str = "unreadable";

/// Hooks whose calls wait together. Where one channel of an app stands still, the others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(&'static str);

impl Channel {
    const PRESENCE: Self = Self("presence");

    /// The channel of a hook: its own, except that online and offline share one, which keeps their order.
    pub fn of(hook: &'static str) -> Self {
        if [ClientOnline::NAME, ClientOffline::NAME].contains(&hook) { Self::PRESENCE } else { Self(hook) }
    }

    /// All channels.
    pub fn all() -> impl Iterator<Item = Self> {
        let hooks = hook_types::hook::IM_HOOKS.iter().filter(|(_, kind)| *kind == HookKind::Notification);
        hooks.map(|(hook, _)| Self::of(hook)).filter(|channel| *channel != Self::PRESENCE).chain([Self::PRESENCE])
    }

    /// Reads what [`Self::name`] wrote.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|channel| channel.0 == name)
    }

    /// As it is stored.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// A call to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The hook.
    pub hook: &'static str,
    /// The parameter object as JSON text.
    pub params: Bytes,
    /// Calls of one lane run one after the other, in the order they were queued.
    pub lane: Option<ClientId>,
    /// Sent as `Forwarded` (EC-32).
    pub remote_address: Option<IpAddr>,
}

/// The state of a session, besides the calls about it.
#[derive(Clone, Debug)]
pub enum SessionNote {
    /// It is open, and a hook must learn of its end even if its process dies.
    Opened {
        /// Unique in its process.
        session: SessionId,
        /// Its client: the lane of the call.
        client: ClientId,
        /// The params of the `_clientOffline` that is due then.
        if_lost: Bytes,
    },
    /// It has ended in an orderly way.
    Ended {
        /// As in `Opened`.
        session: SessionId,
    },
}

/// One write: a call, a note, or both.
#[derive(Clone, Debug)]
pub struct Entry {
    /// To be queued.
    pub call: Option<NewCall>,
    /// Of the session that the call is about.
    pub session: Option<SessionNote>,
    /// The call's number in the outbox of this node's store: the same one again is the same call.
    pub row: Option<u64>,
}

impl From<NewCall> for Entry {
    fn from(call: NewCall) -> Self {
        Self { call: Some(call), session: None, row: None }
    }
}

impl From<OutboxCall> for Entry {
    fn from(OutboxCall { row, call }: OutboxCall) -> Self {
        Self { call: Some(call), session: None, row: Some(row) }
    }
}

/// A call that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCall {
    /// Unique in its app, and greater than those queued before it, also after a restart. Milliseconds since the Unix
    /// epoch where not more than one call is queued in a millisecond.
    pub sequence: u64,
    /// The hook.
    pub hook: &'static str,
    /// The parameter object as JSON text.
    pub params: Bytes,
    /// As in [`NewCall`].
    pub lane: Option<ClientId>,
    /// As in [`NewCall`].
    pub remote_address: Option<IpAddr>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
}

/// Calls that a worker took from the queue.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// No other worker gets them before they are settled.
    pub calls: Vec<QueuedCall>,
    /// When to look again, if there are calls for later only.
    pub next: Option<Timestamp>,
}

/// What becomes of a call after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The hook answered.
    Done,
    /// It failed, and is called again.
    Again {
        /// Not before this.
        at: Timestamp,
    },
    /// It is given up: a dead letter.
    Dead {
        /// The kind of the last failure.
        cause: FailureCause,
        /// Its text.
        reason: String,
    },
}

/// Why a call was given up, and everything needed to make it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetter {
    /// The call's sequence number.
    pub id: u64,
    /// The hook.
    pub hook: String,
    /// The word of [`FailureCause::name`] for the last failure, or [`UNREADABLE`].
    pub cause: String,
    /// What the engine or the function said.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued.
    #[serde(serialize_with = "as_iso")]
    pub queued_at: Timestamp,
    /// When it was given up.
    #[serde(serialize_with = "as_iso")]
    pub died_at: Timestamp,
    /// The parameter object as JSON text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_json")]
    pub params: Option<String>,
}

fn as_iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_iso())
}

/// Invalid JSON is shown as text.
fn as_json<S: Serializer>(params: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match params.as_deref().map(serde_json::from_str::<&RawValue>) {
        Some(Ok(json)) => json.serialize(serializer),
        Some(Err(_)) | None => params.serialize(serializer),
    }
}

/// A selection of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letters {
    /// Those with these ids.
    Ids(Vec<u64>),
    /// All, or all of one hook.
    All {
        /// The hook.
        hook: Option<String>,
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
    /// When the oldest of them was queued.
    pub oldest: Timestamp,
}

/// Why the queue could not answer. The text is for logs, never for clients.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The embedded queue.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis.
    #[error("redis cannot be used")]
    Redis(#[from] redis::RedisError),
    /// Redis is too slow, or gone. Of a write it is unknown whether it happened.
    #[error("redis did not answer `{operation}` in time")]
    TimedOut {
        /// What was waited for.
        operation: &'static str,
    },
}

/// A durable queue of hook calls. What was pushed or settled when a call returns outlives the process.
#[async_trait]
pub trait HookQueue: Send + Sync + 'static {
    /// True when the store queues the call of an operation in its transaction ([`crate::store::CallPlace::Queue`]).
    fn joins_store(&self) -> bool {
        false
    }

    /// Queues calls in this order; answers how many were refused, the last ones, because more than `bound` calls of the
    /// app would wait.
    async fn push(&self, app: &AppId, calls: Vec<NewCall>, bound: usize) -> Result<usize, QueueError> {
        self.record(app, calls.into_iter().map(Entry::from).collect(), bound).await
    }

    /// As [`Self::push`], with notes of sessions, which are never refused. A call of the outbox that was queued before
    /// ([`Entry::row`]) is not queued again; a queue that is part of the store takes it out of the outbox in the same step.
    async fn record(&self, app: &AppId, entries: Vec<Entry>, bound: usize) -> Result<usize, QueueError>;

    /// Says that these rows have left the outbox: their numbers need not be kept any more.
    async fn forget_rows(&self, app: &AppId, rows: &[u64]) -> Result<(), QueueError>;

    /// Queues `_clientOffline` for the sessions that were noted as open by processes that are dead. To be called before the
    /// first login, so that the clients' next `_clientOnline` comes later.
    async fn end_lost_sessions(&self) -> Result<(), QueueError>;

    /// Takes at most `limit` calls that may run now, oldest first; of each lane only its oldest.
    async fn claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError>;

    /// Settles claimed calls. At most `dead_bound` dead letters of the app are kept, the newest; answers how many were
    /// thrown away.
    async fn settle(
        &self,
        app: &AppId,
        channel: Channel,
        settled: Vec<(QueuedCall, Fate)>,
        dead_bound: usize,
    ) -> Result<usize, QueueError>;

    /// Makes claimed calls claimable again, as they were.
    async fn give_back(&self, app: &AppId, channel: Channel, calls: Vec<QueuedCall>) -> Result<(), QueueError>;

    /// What waits, by app and channel.
    async fn backlog(&self) -> Result<Vec<Backlog>, QueueError>;

    /// The newest dead letters of an app, newest first, at most `limit`.
    async fn dead_letters(
        &self,
        app: &AppId,
        letters: &Letters,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetter>, QueueError>;

    /// Queues dead letters again, with their sequence numbers, no attempts and a new age, at most until `bound` calls
    /// wait; answers their number.
    async fn revive(&self, app: &AppId, letters: &Letters, bound: usize) -> Result<usize, QueueError>;

    /// Throws dead letters away; answers their number.
    async fn discard(&self, app: &AppId, letters: &Letters) -> Result<usize, QueueError>;

    /// Throws everything of an app away.
    async fn forget(&self, app: &AppId) -> Result<(), QueueError>;
}

/// The name as hook calls carry it; `None` for a hook that this program does not know.
pub fn hook_named(name: &str) -> Option<&'static str> {
    hook_types::hook::IM_HOOKS.iter().map(|(hook, _)| *hook).find(|hook| *hook == name)
}

//! Calls and dead letters as they are kept in Redis.

use std::net::IpAddr;

use bytes::Bytes;
use redis::{ErrorKind, RedisError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hooks::queue::{DeadLetter, NewCall, QueuedCall, UNREADABLE, hook_named};
use crate::ids::ClientId;
use crate::timestamp::Timestamp;

/// A call without its sequence number, which is the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredCall {
    pub(super) hook: String,
    params: String,
    pub(super) lane: Option<ClientId>,
    remote_address: Option<IpAddr>,
    queued_at: Timestamp,
    attempts: u32,
}

/// A dead letter without its id, which is the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredLetter {
    pub(super) call: StoredCall,
    cause: String,
    reason: String,
    died_at: Timestamp,
}

impl StoredCall {
    pub(super) fn new(call: &NewCall, now: Timestamp) -> Self {
        Self {
            hook: call.hook.to_owned(),
            params: String::from_utf8_lossy(&call.params).into_owned(),
            lane: call.lane.clone(),
            remote_address: call.remote_address,
            queued_at: now,
            attempts: 0,
        }
    }

    /// After one more failed attempt.
    pub(super) fn after_failure(call: &QueuedCall) -> Self {
        Self {
            hook: call.hook.to_owned(),
            params: String::from_utf8_lossy(&call.params).into_owned(),
            lane: call.lane.clone(),
            remote_address: call.remote_address,
            queued_at: call.queued_at,
            attempts: call.attempts.saturating_add(1),
        }
    }

    /// As new, for a call that was given up.
    pub(super) fn revived(self, now: Timestamp) -> Self {
        Self { queued_at: now, attempts: 0, ..self }
    }

    pub(super) fn lane_key(&self) -> &str {
        self.lane.as_ref().map_or("", ClientId::as_str)
    }

    /// # Errors
    /// The hook is one that this program does not know.
    pub(super) fn queued(self, sequence: u64) -> Result<QueuedCall, RedisError> {
        let Self { hook, params, lane, remote_address, queued_at, attempts } = self;
        let hook = hook_named(&hook).ok_or_else(|| {
            RedisError::from((ErrorKind::Parse, "a queued call is of an unknown hook: use a newer program", hook))
        })?;
        Ok(QueuedCall { sequence, hook, params: Bytes::from(params), lane, remote_address, queued_at, attempts })
    }
}

impl StoredLetter {
    pub(super) fn new(call: &QueuedCall, (cause, reason): (&str, &str), now: Timestamp) -> Self {
        let (cause, reason) = (cause.to_owned(), reason.to_owned());
        Self { call: StoredCall::after_failure(call), cause, reason, died_at: now }
    }

    /// A letter for what this program cannot read, with what can be read of it.
    pub(super) fn unreadable(stored: &str, problem: &RedisError, now: Timestamp) -> Self {
        let json: Value = serde_json::from_str(stored).unwrap_or_default();
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let call = StoredCall {
            hook: text("hook").unwrap_or_else(|| "unknown".to_owned()),
            params: text("params").unwrap_or_else(|| stored.to_owned()),
            lane: text("lane").map(ClientId::new),
            remote_address: None,
            queued_at: json.get("queued_at").and_then(Value::as_i64).map_or(now, Timestamp),
            attempts: 0,
        };
        Self { call, cause: UNREADABLE.to_owned(), reason: problem.to_string(), died_at: now }
    }

    pub(super) fn letter(self, id: u64, with_params: bool) -> DeadLetter {
        let Self { call, cause, reason, died_at } = self;
        DeadLetter {
            id,
            hook: call.hook,
            cause,
            reason,
            attempts: call.attempts,
            queued_at: call.queued_at,
            died_at,
            params: with_params.then_some(call.params),
        }
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String, RedisError> {
    serde_json::to_string(value).map_err(unreadable)
}

pub(super) fn from_json<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, RedisError> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> RedisError {
    RedisError::from((ErrorKind::Parse, "a stored call of a hook is not what this program writes", error.to_string()))
}

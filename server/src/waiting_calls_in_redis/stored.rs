//! Calls and dead letters as an earlier version wrote them.

use std::net::IpAddr;

use bytes::Bytes;
use hookd_im_core::hooks::channel_of;
use hookd_im_core::ids::OrderKey;
use hookd_im_core::store::{Call, ImportedCall};
use hookd_im_core::timestamp::Timestamp;
use serde::Deserialize;

/// The cause of a dead letter whose call cannot be read.
const UNREADABLE: &str = "unreadable";

/// A row of a hash, with the number that is its key.
pub(super) struct Stored {
    number: Option<u64>,
    call: StoredCall,
    death: Option<(String, String, Timestamp)>,
}

#[derive(Deserialize)]
struct StoredCall {
    hook: String,
    params: String,
    lane: Option<String>,
    remote_address: Option<IpAddr>,
    queued_at: Timestamp,
    attempts: u32,
}

#[derive(Deserialize)]
struct StoredLetter {
    call: StoredCall,
    cause: String,
    reason: String,
    died_at: Timestamp,
}

impl Stored {
    /// Reads a row of `calls`. What cannot be read is a dead letter.
    pub(super) fn call(number: &str, row: &str) -> Self {
        match serde_json::from_str(row) {
            Ok(call) => Self { number: number.parse().ok(), call, death: None },
            Err(problem) => Self::unreadable(number, row, &problem),
        }
    }

    /// Reads a row of `letters`.
    pub(super) fn dead_letter(number: &str, row: &str) -> Self {
        match serde_json::from_str(row) {
            Ok(StoredLetter { call, cause, reason, died_at }) => {
                Self { number: number.parse().ok(), call, death: Some((cause, reason, died_at)) }
            }
            Err(problem) => Self::unreadable(number, row, &problem),
        }
    }

    fn unreadable(number: &str, row: &str, problem: &serde_json::Error) -> Self {
        let now = Timestamp::now();
        let hook = "unknown".to_owned();
        let call =
            StoredCall { hook, params: row.to_owned(), lane: None, remote_address: None, queued_at: now, attempts: 0 };
        let death = Some((UNREADABLE.to_owned(), format!("not a call as hookd writes them: {problem}"), now));
        Self { number: number.parse().ok(), call, death }
    }

    /// The client whose calls are made one after the other.
    pub(super) fn lane(&self) -> Option<String> {
        self.call.lane.clone()
    }

    /// The row for the table; `None` for a row that no earlier version wrote: its key is no number.
    pub(super) fn imported(self) -> Option<ImportedCall> {
        let Self { number, call: StoredCall { hook, params, lane, remote_address, queued_at, attempts }, death } = self;
        let call = Call {
            number: number?,
            target: hook,
            order_key: lane.map(OrderKey::new),
            payload: Bytes::from(params),
            remote_address,
            queued_at,
            attempts,
        };
        Some(ImportedCall { channel: channel_of(&call.target), call, due_at: queued_at, death })
    }
}

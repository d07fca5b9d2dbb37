//! Rows of messages.

use hookd_im_core::ids::{ClientId, MessageId};
use hookd_im_core::store::{MessageBody, StoreError, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::Row;
use rusqlite::types::Value as SqlValue;

use super::error::WorkError;
use crate::json;

/// The columns of [`MessageRow`], in its order.
pub(super) const COLUMNS: &str =
    "id, timestamp, sender, body, mentions, mention_all, patched_at, sequence, acknowledged_at";

/// The number of those columns.
pub(super) const COLUMN_COUNT: usize = 9;

/// A row as it is in the table.
pub(super) struct MessageRow {
    id: String,
    timestamp: i64,
    sender: String,
    body: SqlValue,
    mentions: Option<String>,
    mention_all: bool,
    patched_at: Option<i64>,
    sequence: i64,
    acknowledged_at: Option<i64>,
}

impl MessageRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            timestamp: row.get(1)?,
            sender: row.get(2)?,
            body: row.get(3)?,
            mentions: row.get(4)?,
            mention_all: row.get(5)?,
            patched_at: row.get(6)?,
            sequence: row.get(7)?,
            acknowledged_at: row.get(8)?,
        })
    }
}

impl TryFrom<MessageRow> for StoredMessage {
    type Error = WorkError;

    fn try_from(row: MessageRow) -> Result<Self, WorkError> {
        let mentions = row.mentions.map(|mentions| json::from_column(&mentions, "messages", "mentions", &row.id));
        let body = match row.body {
            SqlValue::Text(text) => MessageBody::Text(text),
            SqlValue::Blob(bytes) => MessageBody::Binary(bytes),
            SqlValue::Null | SqlValue::Integer(_) | SqlValue::Real(_) => {
                let problem = "column `body` is neither text nor a blob".to_owned();
                return Err(StoreError::Corrupt { table: "messages", row: row.id, problem }.into());
            }
        };
        Ok(StoredMessage {
            mentions: mentions.transpose()?.unwrap_or_default(),
            id: MessageId::new(row.id),
            timestamp: Timestamp(row.timestamp),
            from: ClientId::new(row.sender),
            body,
            mention_all: row.mention_all,
            patched_at: row.patched_at.map(Timestamp),
            acknowledged_at: row.acknowledged_at.map(Timestamp),
            sequence: row.sequence.unsigned_abs(),
        })
    }
}

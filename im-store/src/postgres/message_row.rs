//! Rows of messages.

use hookd_im_core::ids::{AppId, MessageId};
use hookd_im_core::store::{DEDUPLICATION_WINDOW, MessageBody, NewMessage, StoreError, StoredMessage};
use hookd_im_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use super::columns::{client, column, text, to_u64};
use super::pool::Connection;
use crate::json;

/// The columns of [`read`], in its order; the table is named `messages`.
pub(super) const COLUMNS: &str = "
    messages.id,
    messages.timestamp,
    messages.sequence,
    messages.sender,
    messages.body,
    messages.is_text,
    messages.mentions,
    messages.mention_all,
    messages.patched_at,
    messages.acknowledged_at";

/// The number of those columns.
pub(super) const COLUMN_COUNT: usize = 10;

/// Reads the columns from `first` on; `None` where a join found no message.
pub(super) fn read_optional(row: &Row, first: usize) -> Result<Option<StoredMessage>, StoreError> {
    match column::<Option<String>>(row, first)? {
        Some(_) => read(row, first).map(Some),
        None => Ok(None),
    }
}

/// Reads the columns from `first` on.
pub(super) fn read(row: &Row, first: usize) -> Result<StoredMessage, StoreError> {
    let id: String = column(row, first)?;
    let body: Vec<u8> = column(row, first + 4)?;
    let is_text: bool = column(row, first + 5)?;
    let mentions: Option<String> = column(row, first + 6)?;
    let mentions = mentions.map(|mentions| json::from_column(&mentions, "messages", "mentions", &id)).transpose()?;
    Ok(StoredMessage {
        timestamp: Timestamp(column(row, first + 1)?),
        sequence: to_u64(column(row, first + 2)?),
        from: client(column(row, first + 3)?, "messages", &id)?,
        body: if is_text { MessageBody::Text(text(body, "messages", &id)?) } else { MessageBody::Binary(body) },
        mentions: mentions.unwrap_or_default(),
        mention_all: column(row, first + 7)?,
        patched_at: column::<Option<i64>>(row, first + 8)?.map(Timestamp),
        acknowledged_at: column::<Option<i64>>(row, first + 9)?.map(Timestamp),
        id: MessageId::new(id),
    })
}

/// True when a message with this id is stored.
pub(super) async fn exists(connection: &Connection, id: &MessageId) -> Result<bool, StoreError> {
    let row = connection.row("SELECT 1 FROM messages WHERE id = $1", &[&id.as_str()]).await?;
    Ok(row.is_some())
}

/// What messages have in common that repeat each other (P-84); `None` without a token. A hash: tokens may be longer than an
/// index takes.
pub(super) fn deduplication_key(app: &AppId, new: &NewMessage) -> Option<Vec<u8>> {
    let token = new.deduplication_token.as_deref()?;
    let mut hash = Sha256::new();
    for part in [app.as_str(), new.conversation.as_str(), new.from.as_str(), token] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Some(hash.finalize().to_vec())
}

/// The oldest time of a message whose repetition is one.
pub(super) fn oldest_repeated(now: Timestamp) -> i64 {
    now.0.saturating_sub(i64::try_from(DEDUPLICATION_WINDOW.as_millis()).unwrap_or(i64::MAX))
}

/// The message as a reader of the table finds it.
pub(super) fn stored(new: &NewMessage, timestamp: Timestamp, sequence: u64) -> StoredMessage {
    StoredMessage {
        id: new.id.clone(),
        timestamp,
        from: new.from.clone(),
        body: new.body.clone(),
        mentions: new.mentions.clone(),
        mention_all: new.mention_all,
        patched_at: new.patched_at.map(|time| Timestamp(time.0.max(timestamp.0.saturating_add(1)))),
        acknowledged_at: None,
        sequence,
    }
}

//! Kinds and lifetimes of conversations as their columns have them.

use hookd_im_core::store::{ConversationKind, Lifetime, StoreError};
use hookd_im_core::timestamp::Timestamp;

/// The kind of the conversation with this id.
pub(crate) fn kind(number: i32, id: &str) -> Result<ConversationKind, StoreError> {
    ConversationKind::of_number(number).ok_or_else(|| StoreError::Corrupt {
        table: "conversations",
        row: id.to_owned(),
        problem: format!("there is no kind {number} of conversations"),
    })
}

/// What the columns of a temporary conversation say.
pub(crate) fn lifetime(ttl_seconds: Option<i64>, expires_at: Option<i64>) -> Option<Lifetime> {
    let expires_at = Timestamp(expires_at?);
    Some(Lifetime { ttl_seconds: u32::try_from(ttl_seconds?).unwrap_or(u32::MAX), expires_at })
}

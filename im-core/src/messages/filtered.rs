//! The word filter, which messages go through before their hooks (S-52, S-53).

use super::MAX_MESSAGE_BYTES;
use super::reviewed::{Reviewed, Rewrite};
use crate::core::ImCore;
use crate::delivery::PatchReason;
use crate::error::{Code, RequestError};
use crate::hooks::WordFilterError;
use crate::ids::AppId;
use crate::store::{ConversationKind, MessageBody};

/// The body with stars in place of the app's words; `None` where it has none of them, or is not filtered here. `others` are the
/// members without the author.
///
/// # Errors
/// 4200 when the list in the store cannot be applied, and what the store says: an unfiltered message does not go out.
pub(super) async fn filtered(
    core: &ImCore,
    app: &AppId,
    body: &MessageBody,
    (others, kind): (usize, ConversationKind),
) -> Result<Option<MessageBody>, RequestError> {
    let MessageBody::Text(text) = body else { return Ok(None) };
    let settings = core.settings.get(app).await?;
    let is_filtered_here = settings.word_filter_direct || is_for_many(kind, others);
    if settings.word_list.is_empty() || !is_filtered_here {
        return Ok(None);
    }
    let filter = core.settings.word_filter(app).await.map_err(|error| match error {
        WordFilterError::Store(error) => RequestError::Store(error),
        WordFilterError::BadList(error) => RequestError::detailed(Code::InternalError, error.to_string()),
    })?;
    Ok(filter.and_then(|filter| filter.censored(text, MAX_MESSAGE_BYTES)).map(MessageBody::Text))
}

fn is_for_many(kind: ConversationKind, others: usize) -> bool {
    match kind {
        ConversationKind::ChatRoom | ConversationKind::Service => true,
        ConversationKind::Basic | ConversationKind::Temporary => others > 1,
    }
}

impl Reviewed {
    /// The same where the hook got another body than `written` by the author, because of the filter. The hook has the last word: its
    /// reason is the one that the author sees, and what it gives back as it was written is no change.
    pub(super) fn after_filter(self, written: &MessageBody) -> Self {
        if self.body == *written {
            return Self { rewrite: None, ..self };
        }
        let of_hook = self.rewrite.and_then(|rewrite| rewrite.reason);
        let reason = of_hook.unwrap_or_else(|| PatchReason {
            // Negative: the server's own (S-50).
            code: -i64::from(Code::MessageModifiedByCensorship.number()),
            detail: Code::MessageModifiedByCensorship.name().to_owned(),
        });
        Self { rewrite: Some(Rewrite { reason: Some(reason) }), ..self }
    }
}

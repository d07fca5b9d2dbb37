//! The body of a message as text, the form of hooks, rows and history; and its size.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::store::MessageBody;

/// Size of a body, as sent by the client or as changed by a hook (S-27, S-89).
pub const MAX_MESSAGE_BYTES: usize = 5 * 1024;

/// The text, and true when it is Base64 of a binary body.
pub fn to_text(body: &MessageBody) -> (String, bool) {
    match body {
        MessageBody::Text(text) => (text.clone(), false),
        MessageBody::Binary(bytes) => (STANDARD.encode(bytes), true),
    }
}

/// The reverse of [`to_text`].
///
/// # Errors
/// When `is_binary` and the text is not Base64.
pub fn from_text(text: &str, is_binary: bool) -> Result<MessageBody, base64::DecodeError> {
    if is_binary { STANDARD.decode(text).map(MessageBody::Binary) } else { Ok(MessageBody::Text(text.to_owned())) }
}

/// The body of a recalled message (S-41, P-94).
const RECALLED: &str = r#"{"_lctype":-127}"#;

/// What stands in place of the body of a recalled message.
pub fn recalled() -> MessageBody {
    MessageBody::Text(RECALLED.to_owned())
}

/// True for the body of a recalled message.
pub fn is_recalled(body: &MessageBody) -> bool {
    matches!(body, MessageBody::Text(text) if text == RECALLED)
}

/// Bytes of the body itself; of a binary one, before Base64.
pub fn size(body: &MessageBody) -> usize {
    match body {
        MessageBody::Text(text) => text.len(),
        MessageBody::Binary(bytes) => bytes.len(),
    }
}

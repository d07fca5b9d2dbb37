//! What the files know as ids.

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppId(pub &'static str);

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConversationId(pub u8);

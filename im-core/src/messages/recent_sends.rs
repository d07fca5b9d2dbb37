//! Messages that a client may send again because it missed the answer (P-84).

use std::time::Duration;

use moka::future::Cache;

use super::SentMessage;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::request::RequestContext;

/// How long a repeated message is answered without asking the hook again. The store knows older ones.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// Answers remembered at most, about 300 bytes each; the least used go first.
const MAX_REMEMBERED: u64 = 50_000;

/// The sender, the conversation, and the sender's own name for the message.
type Key = (AppId, ClientId, ConversationId, String);

/// The answers to recent messages, by de-duplication token.
#[derive(Debug)]
pub struct RecentSends {
    answers: Cache<Key, SentMessage>,
}

impl Default for RecentSends {
    fn default() -> Self {
        Self { answers: Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED_FOR).build() }
    }
}

impl RecentSends {
    pub(super) async fn find(
        &self,
        request: &RequestContext,
        conversation: &ConversationId,
        token: Option<&str>,
    ) -> Option<SentMessage> {
        self.answers.get(&key(request, conversation, token?)).await
    }

    pub(super) async fn remember(&self, request: &RequestContext, token: Option<&str>, sent: &SentMessage) {
        if let Some(token) = token {
            self.answers.insert(key(request, &sent.conversation, token), sent.clone()).await;
        }
    }
}

fn key(request: &RequestContext, conversation: &ConversationId, token: &str) -> Key {
    (request.app.id.clone(), request.client.clone(), conversation.clone(), token.to_owned())
}

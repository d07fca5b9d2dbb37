//! A database, stores on it, and short ways to use them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    AppendedMessage, Committed, ConversationKind, Conversations as _, Direction, HistoryBound, HistoryQuery,
    MemberRules, MembershipRequest, MessageBody, Messages as _, NewConversation, NewMessage, NotAppended, StoreError,
    StoredMessage,
};
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use serde_json::Map;

pub fn app() -> AppId {
    AppId::new("demo")
}

pub async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(&PostgresAddress::new(url, None).unwrap()).await.unwrap())
}

pub fn clients(ids: &[&str]) -> Vec<ClientId> {
    ids.iter().copied().map(ClientId::new).collect()
}

/// A wish of Tom.
pub fn asked(members: &[&str]) -> MembershipRequest {
    MembershipRequest {
        by: ClientId::new("tom"),
        members: clients(members),
        by_member_only: true,
        rules: MemberRules::default(),
    }
}

pub fn new_conversation(members: &[&str], unique: bool) -> NewConversation {
    let mut sorted = clients(members);
    sorted.sort();
    NewConversation {
        id: ConversationId::generate(),
        kind: ConversationKind::Basic,
        ttl_seconds: None,
        attributes: Map::new(),
        creator: Some(ClientId::new(members[0])),
        members: sorted,
        unique,
    }
}

pub async fn create(store: &PostgresStore) -> ConversationId {
    let created = store.create_conversation(&app(), new_conversation(&["tom"], false), None).await.unwrap();
    created.row.conversation.id
}

pub fn message(conversation: &ConversationId, text: &str) -> NewMessage {
    NewMessage {
        id: MessageId::generate(),
        conversation: conversation.clone(),
        from: ClientId::new("tom"),
        members_sequence: 1,
        standing_version: 0,
        receivers: None,
        body: MessageBody::Text(text.to_owned()),
        mentions: Vec::new(),
        mention_all: false,
        receipt: false,
        deduplication_token: Some(format!("token of {text}")),
        patched_at: None,
    }
}

pub async fn say(
    store: &PostgresStore,
    conversation: &ConversationId,
    text: &str,
) -> Result<AppendedMessage, StoreError> {
    let appended = store.append_message(&app(), message(conversation, text), None).await?;
    Ok(appended.map(|Committed { row, .. }| row).unwrap())
}

/// As [`say`], where others change the members at the same time.
pub async fn say_to_members(store: &PostgresStore, conversation: &ConversationId, text: &str) -> AppendedMessage {
    loop {
        let members_sequence = store.conversation(&app(), conversation).await.unwrap().unwrap().members_sequence;
        let message = NewMessage { members_sequence, ..message(conversation, text) };
        match store.append_message(&app(), message, None).await.unwrap() {
            Ok(Committed { row, .. }) => return row,
            Err(refused) => assert_eq!(refused, NotAppended::MembersChanged),
        }
    }
}

/// All messages, oldest first.
pub async fn whole_history(store: &PostgresStore, conversation: &ConversationId) -> Vec<StoredMessage> {
    let mut messages: Vec<StoredMessage> = Vec::new();
    loop {
        let start = messages.last().map(|last| HistoryBound {
            timestamp: last.timestamp,
            id: Some(last.id.clone()),
            included: false,
        });
        let query = HistoryQuery { start, end: None, direction: Direction::New, limit: 100, message_type: None };
        let page = store.history(&app(), conversation, &query).await.unwrap();
        if page.is_empty() {
            return messages;
        }
        messages.extend(page);
    }
}

/// Tries until it works.
pub async fn say_at_last(store: &PostgresStore, conversation: &ConversationId, text: &str) -> AppendedMessage {
    let began = Instant::now();
    loop {
        match say(store, conversation, text).await {
            Ok(said) => return said,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "it does not recover: {error:?}"),
        }
    }
}

/// Several senders talk, each in a task, until `stop` is done; answers what was acknowledged, by text.
pub async fn talk(
    store: &Arc<PostgresStore>,
    conversation: &ConversationId,
    senders: usize,
    stop: impl Future<Output = ()>,
) -> Vec<(String, Result<AppendedMessage, StoreError>)> {
    let stopped = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let talking = (0..senders).map(|sender| {
        let (store, conversation, stopped) = (store.clone(), conversation.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut said = Vec::new();
            for number in 0.. {
                if stopped.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                let text = format!("{sender}/{number}");
                let answer = say(&store, &conversation, &text).await;
                said.push((text, answer));
            }
            said
        })
    });
    let talking = tokio::spawn(join_all(talking.collect::<Vec<_>>()));
    stop.await;
    stopped.store(true, std::sync::atomic::Ordering::SeqCst);
    talking.await.unwrap().into_iter().flat_map(Result::unwrap).collect()
}

/// Each acknowledged message is stored once, as it was acknowledged.
pub async fn assert_nothing_is_lost(
    store: &PostgresStore,
    conversation: &ConversationId,
    said: &[(String, Result<AppendedMessage, StoreError>)],
) {
    let history = whole_history(store, conversation).await;
    assert!(history.is_sorted_by(|left, right| left.timestamp < right.timestamp && left.sequence < right.sequence));
    for (text, answer) in said {
        let stored: Vec<_> = history.iter().filter(|message| message.body == MessageBody::Text(text.clone())).collect();
        match answer {
            Ok(appended) => {
                assert_eq!(stored.len(), 1, "{text}");
                assert_eq!((&stored[0].id, stored[0].timestamp), (&appended.id, appended.timestamp), "{text}");
                assert_eq!(stored[0].sequence, appended.sequence, "{text}");
            }
            Err(StoreError::OutcomeUnknown { .. }) => assert!(stored.len() <= 1, "{text}"),
            Err(refused) => assert_eq!(stored.len(), 0, "{text} was refused: {refused:?}"),
        }
    }
}

//! Subscriptions to service conversations.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, ChangedSubscription, Committed, MembersUnchanged, MembershipRequest, Permitted, StoreError, StoredCall,
    SubscriberPage, Subscription, SubscriptionChange, Subscriptions, permitted_to_add,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::conversation_row::{key, load_living};
use super::error::WorkError;
use super::{SqliteStore, calls, standing_rows, views};
use crate::subscriptions::beyond_limit;

#[async_trait]
impl Subscriptions for SqliteStore {
    async fn subscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        request: &MembershipRequest,
        limit: usize,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        let (of_app, id, asked) = (app.clone(), conversation.clone(), request.clone());
        let subscribe =
            move |connection: &Connection, now| subscribe(connection, (&of_app, &id), (&asked, limit), call, now);
        let (of_app, id, client) = (app.clone(), conversation.clone(), request.by.clone());
        let is_done = move |connection: &Connection, changed: &ChangedSubscription| {
            let Ok(Committed { row: SubscriptionChange { is_changed: true, .. }, .. }) = changed else {
                return Ok(true);
            };
            Ok(find(connection, (&of_app, &client), &id)?.is_some())
        };
        self.write_and_read_back("subscribe", subscribe, is_done).await
    }

    async fn unsubscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        let (of_app, id, of_client) = (app.clone(), conversation.clone(), client.clone());
        let unsubscribe =
            move |connection: &Connection, now| unsubscribe(connection, (&of_app, &id), &of_client, call, now);
        let (of_app, id, of_client) = (app.clone(), conversation.clone(), client.clone());
        let is_done = move |connection: &Connection, _: &ChangedSubscription| {
            Ok(find(connection, (&of_app, &of_client), &id)?.is_none())
        };
        self.write_and_read_back("unsubscribe", unsubscribe, is_done).await
    }

    async fn mute_subscription(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        is_muted: bool,
    ) -> Result<bool, StoreError> {
        let (of_app, id, of_client) = (app.clone(), conversation.clone(), client.clone());
        let mute = move |connection: &Connection, _| {
            let Some(key) = key(connection, &of_app, &id)? else { return Ok(false) };
            let changed = connection
                .prepare_cached("UPDATE subscriptions SET is_muted = ?3 WHERE conversation = ?1 AND client = ?2")?
                .execute(params![key, of_client.as_str(), is_muted])?;
            Ok(changed > 0)
        };
        let (of_app, id, of_client) = (app.clone(), conversation.clone(), client.clone());
        let is_done = move |connection: &Connection, subscribes: &bool| {
            let now = find(connection, (&of_app, &of_client), &id)?;
            Ok(!subscribes || now.is_some_and(|now| now.is_muted == is_muted))
        };
        self.write_and_read_back("mute a subscription", mute, is_done).await
    }

    async fn subscriptions(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<Subscription>, StoreError> {
        let (app, client, asked) = (app.clone(), client.clone(), conversations.to_vec());
        let read = move |connection: &Connection| {
            let mut found = Vec::new();
            for conversation in asked {
                found.extend(find(connection, (&app, &client), &conversation)?);
            }
            Ok(found)
        };
        self.readers.read("subscriptions", read).await
    }

    async fn subscribed(&self, app: &AppId, client: &ClientId) -> Result<Vec<ConversationId>, StoreError> {
        let (app, client) = (app.clone(), client.clone());
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT conversations.id
                 FROM subscriptions
                 JOIN conversations ON conversations.key = subscriptions.conversation
                 WHERE subscriptions.app = ?1 AND subscriptions.client = ?2",
            )?;
            let ids = statement.query_map([app.as_str(), client.as_str()], |row| row.get::<_, String>(0))?;
            Ok(ids.map(|id| id.map(ConversationId::new)).collect::<Result<_, _>>()?)
        };
        self.readers.read("subscriptions", read).await
    }

    async fn muted_subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Vec<ClientId>, StoreError> {
        let (app, id, asked) = (app.clone(), conversation.clone(), clients.to_vec());
        let read = move |connection: &Connection| {
            let mut muted = Vec::new();
            for client in asked {
                let found = find(connection, (&app, &client), &id)?;
                muted.extend(found.filter(|found| found.is_muted).map(|_| client));
            }
            Ok(muted)
        };
        self.readers.read("muted subscribers", read).await
    }

    async fn subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        page: &SubscriberPage,
    ) -> Result<Vec<Subscription>, StoreError> {
        let (app, id, page) = (app.clone(), conversation.clone(), page.clone());
        let read = move |connection: &Connection| listed(connection, (&app, &id), &page);
        self.readers.read("subscribers", read).await
    }

    async fn count_subscribers(&self, app: &AppId, conversation: &ConversationId) -> Result<u64, StoreError> {
        let (app, id) = (app.clone(), conversation.clone());
        let read = move |connection: &Connection| {
            let count = connection
                .prepare_cached("SELECT subscribers FROM conversations WHERE app = ?1 AND id = ?2")?
                .query_row([app.as_str(), id.as_str()], |row| row.get::<_, i64>(0))
                .optional()?;
            Ok(count.unwrap_or(0).unsigned_abs())
        };
        self.readers.read("subscribers", read).await
    }
}

fn subscribe(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (request, limit): (&MembershipRequest, usize),
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, id, now)? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let standing = standing_rows::of(connection, (key, conversation), &request.named(), now)?;
    let failed = match permitted_to_add(&standing, request) {
        Ok(Permitted { failed, .. }) => failed,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    let client = request.by.as_str();
    let unchanged =
        |failed| Ok(Ok(Committed { row: SubscriptionChange { is_changed: false, failed }, call: StoredCall::None }));
    if !failed.is_empty() {
        return unchanged(failed);
    }
    let is_there = connection
        .prepare_cached("SELECT 1 FROM subscriptions WHERE conversation = ?1 AND client = ?2")?
        .exists(params![key, client])?;
    if is_there {
        return unchanged(Vec::new());
    }
    let in_all: i64 = connection
        .prepare_cached("SELECT count(*) FROM subscriptions WHERE app = ?1 AND client = ?2")?
        .query_row([app.as_str(), client], |row| row.get(0))?;
    if usize::try_from(in_all).unwrap_or(usize::MAX) >= limit {
        return unchanged(vec![beyond_limit(&request.by, limit)]);
    }
    connection
        .prepare_cached(
            "INSERT INTO subscriptions (conversation, client, app, subscribed_at, is_muted)
             VALUES (?1, ?2, ?3, ?4, 0)",
        )?
        .execute(params![key, client, app.as_str(), now.0])?;
    let last_message_at = standing.conversation.last_message_at.map_or(0, |at| at.0);
    views::subscribe(connection, (app, key), (&request.by, last_message_at))?;
    count(connection, key, 1)?;
    committed(connection, app, call, now)
}

fn unsubscribe(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    client: &ClientId,
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, WorkError> {
    let Some((key, conversation)) = load_living(connection, app, id, now)? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let gone = connection
        .prepare_cached("DELETE FROM subscriptions WHERE conversation = ?1 AND client = ?2")?
        .execute(params![key, client.as_str()])?;
    if gone == 0 {
        return Ok(Ok(Committed { row: SubscriptionChange::default(), call: StoredCall::None }));
    }
    let last_message_at = conversation.last_message_at.map_or(0, |at| at.0);
    views::unsubscribe(connection, key, (client, last_message_at), now)?;
    count(connection, key, -1)?;
    committed(connection, app, call, now)
}

fn count(connection: &Connection, key: i64, change: i64) -> Result<(), WorkError> {
    connection
        .prepare_cached("UPDATE conversations SET subscribers = subscribers + ?2 WHERE key = ?1")?
        .execute([key, change])?;
    Ok(())
}

fn committed(
    connection: &Connection,
    app: &AppId,
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, WorkError> {
    let row = SubscriptionChange { is_changed: true, failed: Vec::new() };
    let call = calls::add_for(connection, app, (call, &row), now)?;
    Ok(Ok(Committed { row, call }))
}

fn find(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<Subscription>, WorkError> {
    let found = connection
        .prepare_cached(
            "SELECT client, subscribed_at, is_muted
             FROM subscriptions
             JOIN conversations ON conversations.key = subscriptions.conversation
             WHERE conversations.app = ?1 AND conversations.id = ?2 AND client = ?3",
        )?
        .query_row([app.as_str(), conversation.as_str(), client.as_str()], |row| subscription(row, conversation))
        .optional()?;
    Ok(found)
}

fn listed(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    page: &SubscriberPage,
) -> Result<Vec<Subscription>, WorkError> {
    let Some(key) = key(connection, app, id)? else { return Ok(Vec::new()) };
    let after = match &page.after {
        None => Some((i64::MIN, String::new())),
        Some(after) => {
            find(connection, (app, after), id)?.map(|found| (found.subscribed_at.0, after.as_str().to_owned()))
        }
    };
    let Some((time, client)) = after else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT client, subscribed_at, is_muted
         FROM subscriptions
         WHERE conversation = ?1 AND (subscribed_at, client) > (?2, ?3)
         ORDER BY subscribed_at, client
         LIMIT ?4",
    )?;
    let rows = statement.query_map(params![key, time, client, page.limit], |row| subscription(row, id))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn subscription(row: &Row<'_>, conversation: &ConversationId) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        conversation: conversation.clone(),
        client: ClientId::new(row.get::<_, String>(0)?),
        subscribed_at: Timestamp(row.get(1)?),
        is_muted: row.get(2)?,
    })
}

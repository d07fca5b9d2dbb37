//! Subscriptions to service conversations.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, ChangedSubscription, Committed, FailedMembers, MembersUnchanged, MembershipRequest, Permitted, StoreError,
    StoredCall, SubscriberPage, Subscription, SubscriptionChange, Subscriptions, permitted_to_add,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::calls::{NewCalls, Room};
use super::columns::{bytes_of, client as client_of, column, is_storable, to_u64};
use super::conversation_row::load_locked;
use super::locks::{self, Lock};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT, standing_rows, views};
use crate::subscriptions::beyond_limit;

#[async_trait]
impl Subscriptions for PostgresStore {
    async fn subscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        request: &MembershipRequest,
        limit: usize,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        let subscribe = async |connection: Arc<Connection>, now| {
            subscribe(&connection, (app, conversation), (request, limit), call, now).await
        };
        let is_done = async |connection: Arc<Connection>, changed: ChangedSubscription| {
            let Ok(Committed { row: SubscriptionChange { is_changed: true, .. }, .. }) = changed else {
                return Ok(true);
            };
            Ok(find(&connection, (app, &request.by), conversation).await?.is_some())
        };
        self.database.write_and_read_back("subscribe", subscribe, is_done).await
    }

    async fn unsubscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        let unsubscribe = async |connection: Arc<Connection>, now| {
            unsubscribe(&connection, (app, conversation), client, call, now).await
        };
        let is_done = async |connection: Arc<Connection>, _: ChangedSubscription| {
            Ok(find(&connection, (app, client), conversation).await?.is_none())
        };
        self.database.write_and_read_back("unsubscribe", unsubscribe, is_done).await
    }

    async fn mute_subscription(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        is_muted: bool,
    ) -> Result<bool, StoreError> {
        let mute = async |connection: Arc<Connection>, now| {
            let Some((key, _)) = load_locked(&connection, app, conversation, now).await? else { return Ok(false) };
            let sql = "UPDATE subscriptions SET is_muted = $3 WHERE conversation = $1 AND client = $2";
            let changed = connection.execute_prepared(sql, &[&key, &client.as_str().as_bytes(), &is_muted]).await?;
            Ok(changed > 0)
        };
        let is_done = async |connection: Arc<Connection>, subscribes: bool| {
            let now = find(&connection, (app, client), conversation).await?;
            Ok(!subscribes || now.is_some_and(|now| now.is_muted == is_muted))
        };
        self.database.write_and_read_back("mute a subscription", mute, is_done).await
    }

    async fn subscriptions(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<Subscription>, StoreError> {
        let read = async |connection: Arc<Connection>| among(&connection, (app, client), conversations).await;
        self.database.pool.read(("subscriptions", READ_LIMIT), read).await
    }

    async fn subscribed(&self, app: &AppId, client: &ClientId) -> Result<Vec<ConversationId>, StoreError> {
        let read = async |connection: Arc<Connection>| {
            let sql = "
                SELECT conversations.id
                FROM subscriptions
                JOIN conversations ON conversations.key = subscriptions.conversation
                WHERE subscriptions.app = $1 AND subscriptions.client = $2";
            let rows = connection.rows(sql, &[&app.as_str(), &client.as_str().as_bytes()]).await?;
            rows.iter().map(|row| Ok(ConversationId::new(column::<String>(row, 0)?))).collect()
        };
        self.database.pool.read(("subscriptions", READ_LIMIT), read).await
    }

    async fn muted_subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Vec<ClientId>, StoreError> {
        let read = async |connection: Arc<Connection>| {
            if !is_storable(conversation.as_str()) {
                return Ok(Vec::new());
            }
            let sql = "
                SELECT subscriptions.client
                FROM conversations
                JOIN subscriptions ON subscriptions.conversation = conversations.key
                    AND subscriptions.client = ANY ($3)
                WHERE conversations.app = $1 AND conversations.id = $2 AND is_muted";
            let bytes = bytes_of(clients);
            let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &conversation.as_str(), &bytes];
            let rows = connection.rows(sql, &values).await?;
            rows.iter().map(|row| client_of(column(row, 0)?, "subscriptions", conversation)).collect()
        };
        self.database.pool.read(("muted subscribers", READ_LIMIT), read).await
    }

    async fn subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        page: &SubscriberPage,
    ) -> Result<Vec<Subscription>, StoreError> {
        let read = async |connection: Arc<Connection>| listed(&connection, (app, conversation), page).await;
        self.database.pool.read(("subscribers", READ_LIMIT), read).await
    }

    async fn count_subscribers(&self, app: &AppId, conversation: &ConversationId) -> Result<u64, StoreError> {
        let read = async |connection: Arc<Connection>| {
            if !is_storable(conversation.as_str()) {
                return Ok(0);
            }
            let sql = "SELECT subscribers FROM conversations WHERE app = $1 AND id = $2";
            let row = connection.row(sql, &[&app.as_str(), &conversation.as_str()]).await?;
            Ok(row.map(|row| column(&row, 0)).transpose()?.map_or(0, to_u64))
        };
        self.database.pool.read(("subscribers", READ_LIMIT), read).await
    }
}

async fn subscribe(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    (request, limit): (&MembershipRequest, usize),
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let standing = standing_rows::of(connection, (key, conversation), &request.named(), now).await?;
    let failed = match permitted_to_add(&standing, request) {
        Ok(Permitted { failed, .. }) => failed,
        Err(unchanged) => return Ok(Err(unchanged)),
    };
    if !failed.is_empty() {
        return Ok(Ok(unchanged(failed)));
    }
    // Another request of the client counts its subscriptions too.
    locks::take(connection, [Lock::of_subscriptions(app, &request.by)]).await?;
    let bytes = request.by.as_str().as_bytes();
    let counted = "
        SELECT count(*), coalesce(bool_or(conversation = $3), false)
        FROM subscriptions
        WHERE app = $1 AND client = $2";
    let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &bytes, &key];
    let row = connection.row(counted, &values).await?.ok_or(StoreError::Closed)?;
    if column(&row, 1)? {
        return Ok(Ok(unchanged(Vec::new())));
    }
    if usize::try_from(column::<i64>(&row, 0)?).unwrap_or(usize::MAX) >= limit {
        return Ok(Ok(unchanged(vec![beyond_limit(&request.by, limit)])));
    }
    let insert = "
        INSERT INTO subscriptions (conversation, client, app, subscribed_at, is_muted)
        VALUES ($1, $2, $3, $4, false)";
    let values: [&(dyn ToSql + Sync); 4] = [&key, &bytes, &app.as_str(), &now.0];
    connection.execute_prepared(insert, &values).await?;
    let last_message_at = standing.conversation.last_message_at.map_or(0, |at| at.0);
    views::subscribe(connection, (app, key), (&request.by, last_message_at)).await?;
    committed(connection, (app, key, 1), call, now).await
}

async fn unsubscribe(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    client: &ClientId,
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, StoreError> {
    let Some((key, conversation)) = load_locked(connection, app, id, now).await? else {
        return Ok(Err(MembersUnchanged::NoConversation));
    };
    let sql = "DELETE FROM subscriptions WHERE conversation = $1 AND client = $2";
    if connection.execute_prepared(sql, &[&key, &client.as_str().as_bytes()]).await? == 0 {
        return Ok(Ok(unchanged(Vec::new())));
    }
    let last_message_at = conversation.last_message_at.map_or(0, |at| at.0);
    views::unsubscribe(connection, key, (client, last_message_at), now).await?;
    committed(connection, (app, key, -1), call, now).await
}

fn unchanged(failed: Vec<FailedMembers>) -> Committed<SubscriptionChange> {
    Committed { row: SubscriptionChange { is_changed: false, failed }, call: StoredCall::None }
}

async fn committed(
    connection: &Connection,
    (app, key, change): (&AppId, i64, i64),
    call: Option<CallFor<SubscriptionChange>>,
    now: Timestamp,
) -> Result<ChangedSubscription, StoreError> {
    let sql = "UPDATE conversations SET subscribers = subscribers + $2 WHERE key = $1";
    connection.execute_prepared(sql, &[&key, &change]).await?;
    let row = SubscriptionChange { is_changed: true, failed: Vec::new() };
    let mut calls = NewCalls::default();
    let mut room = Room::of(connection, &[app.as_str()]).await?;
    let call = calls.add_for(app, call, &row, &mut room);
    calls.insert(connection, now).await?;
    Ok(Ok(Committed { row, call }))
}

async fn find(
    connection: &Connection,
    of: (&AppId, &ClientId),
    conversation: &ConversationId,
) -> Result<Option<Subscription>, StoreError> {
    Ok(among(connection, of, std::slice::from_ref(conversation)).await?.into_iter().next())
}

async fn among(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
) -> Result<Vec<Subscription>, StoreError> {
    let asked: Vec<&str> = asked.iter().map(ConversationId::as_str).filter(|id| is_storable(id)).collect();
    let sql = "
        SELECT client, subscribed_at, is_muted, conversations.id
        FROM conversations
        JOIN subscriptions ON subscriptions.conversation = conversations.key AND subscriptions.client = $2
        WHERE conversations.app = $1 AND conversations.id = ANY ($3)";
    let values: [&(dyn ToSql + Sync); 3] = [&app.as_str(), &client.as_str().as_bytes(), &asked];
    let rows = connection.rows(sql, &values).await?;
    rows.iter().map(|row| subscription(row, ConversationId::new(column::<String>(row, 3)?))).collect()
}

async fn listed(
    connection: &Connection,
    (app, id): (&AppId, &ConversationId),
    page: &SubscriberPage,
) -> Result<Vec<Subscription>, StoreError> {
    if !is_storable(id.as_str()) {
        return Ok(Vec::new());
    }
    let (time, bytes) = match &page.after {
        None => (i64::MIN, &[][..]),
        Some(after) => match find(connection, (app, after), id).await? {
            Some(found) => (found.subscribed_at.0, after.as_str().as_bytes()),
            None => return Ok(Vec::new()),
        },
    };
    let sql = "
        SELECT client, subscribed_at, is_muted
        FROM subscriptions
        WHERE conversation = (SELECT key FROM conversations WHERE app = $1 AND id = $2)
            AND (subscribed_at, client) > ($3, $4)
        ORDER BY subscribed_at, client
        LIMIT $5";
    let values: [&(dyn ToSql + Sync); 5] = [&app.as_str(), &id.as_str(), &time, &bytes, &i64::from(page.limit)];
    let rows = connection.rows(sql, &values).await?;
    rows.iter().map(|row| subscription(row, id.clone())).collect()
}

fn subscription(row: &Row, conversation: ConversationId) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        client: client_of(column(row, 0)?, "subscriptions", &conversation)?,
        subscribed_at: Timestamp(column(row, 1)?),
        is_muted: column(row, 2)?,
        conversation,
    })
}

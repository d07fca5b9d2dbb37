//! Conversations to which clients do not want to be added by others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{ConversationPage, RefusalChange, RefusedConversations, StoreError};
use tokio_postgres::types::ToSql;

use super::columns::{column, is_storable};
use super::locks::{self, Lock};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};

#[async_trait]
impl RefusedConversations for PostgresStore {
    async fn refuse_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
        limit: usize,
    ) -> Result<RefusalChange, StoreError> {
        let refuse =
            async |connection: Arc<Connection>, _| refuse(&connection, (app, client), conversations, limit).await;
        let is_done = async |connection: Arc<Connection>, change: RefusalChange| {
            Ok(among(&connection, (app, client), &change.refused).await?.len() == change.refused.len())
        };
        self.database.write_and_read_back("refuse conversations", refuse, is_done).await
    }

    async fn accept_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<(), StoreError> {
        let accept = async |connection: Arc<Connection>, _| accept(&connection, (app, client), conversations).await;
        let is_done = async |connection: Arc<Connection>, ()| {
            Ok(among(&connection, (app, client), conversations).await?.is_empty())
        };
        self.database.write_and_read_back("accept conversations", accept, is_done).await
    }

    async fn refused_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        page: &ConversationPage,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let read = async |connection: Arc<Connection>| listed(&connection, (app, client), page).await;
        self.database.pool.read(("refused conversations", READ_LIMIT), read).await
    }

    async fn which_refused(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationId>, StoreError> {
        let read = async |connection: Arc<Connection>| among(&connection, (app, client), conversations).await;
        self.database.pool.read(("refused conversations", READ_LIMIT), read).await
    }
}

async fn refuse(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
    limit: usize,
) -> Result<RefusalChange, StoreError> {
    let sql = "
        SELECT key, id
        FROM conversations
        WHERE app = $1 AND id = ANY ($2)
        ORDER BY key
        FOR NO KEY UPDATE";
    let ids = ids(asked);
    let mut keys: HashMap<ConversationId, i64> = HashMap::new();
    for row in connection.rows(sql, &[&app.as_str(), &ids]).await? {
        keys.insert(ConversationId::new(column::<String>(&row, 1)?), column(&row, 0)?);
    }
    // Another request of the client counts its list too.
    locks::take(connection, [Lock::of_refused_conversations(app, client)]).await?;
    let bytes = client.as_str().as_bytes();
    let before = "SELECT conversation FROM refused_conversations WHERE app = $1 AND client = $2";
    let rows = connection.rows(before, &[&app.as_str(), &bytes]).await?;
    let refused: HashSet<i64> = rows.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?;
    let mut room = limit.saturating_sub(refused.len());
    let (mut change, mut new) = (RefusalChange::default(), Vec::new());
    for conversation in asked {
        let list = match keys.get(conversation) {
            None => &mut change.unknown,
            Some(key) if refused.contains(key) => &mut change.refused,
            Some(_) if room == 0 => &mut change.beyond,
            Some(key) => {
                new.push(*key);
                room -= 1;
                &mut change.refused
            }
        };
        list.push(conversation.clone());
    }
    if !new.is_empty() {
        let sql = "
            INSERT INTO refused_conversations (conversation, client, app)
            SELECT key, $2, $3
            FROM unnest($1::bigint[]) AS new (key)";
        connection.execute_prepared(sql, &[&new, &bytes, &app.as_str()]).await?;
        // The conversations hold something about a client from now on. More often it need not be counted: no message is checked
        // against it.
        let sql = "UPDATE conversations SET standing_version = 1 WHERE key = ANY ($1) AND standing_version = 0";
        connection.execute_prepared(sql, &[&new]).await?;
    }
    Ok(change)
}

/// Needs no lock of a conversation: who is added at the same time is added before it.
async fn accept(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
) -> Result<(), StoreError> {
    let sql = "
        DELETE FROM refused_conversations
        USING conversations
        WHERE conversations.key = refused_conversations.conversation
            AND refused_conversations.app = $1
            AND refused_conversations.client = $2
            AND conversations.id = ANY ($3)";
    connection.execute_prepared(sql, &[&app.as_str(), &client.as_str().as_bytes(), &ids(asked)]).await?;
    Ok(())
}

async fn among(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
) -> Result<Vec<ConversationId>, StoreError> {
    let sql = "
        SELECT conversations.id
        FROM refused_conversations
        JOIN conversations ON conversations.key = refused_conversations.conversation
        WHERE refused_conversations.app = $1
            AND refused_conversations.client = $2
            AND conversations.id = ANY ($3)";
    let rows = connection.rows(sql, &[&app.as_str(), &client.as_str().as_bytes(), &ids(asked)]).await?;
    rows.iter().map(|row| Ok(ConversationId::new(column::<String>(row, 0)?))).collect()
}

async fn listed(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    page: &ConversationPage,
) -> Result<Vec<ConversationId>, StoreError> {
    let sql = "
        SELECT conversations.id
        FROM refused_conversations
        JOIN conversations ON conversations.key = refused_conversations.conversation
        WHERE refused_conversations.app = $1 AND refused_conversations.client = $2 AND conversations.id > $3
        ORDER BY conversations.id
        LIMIT $4";
    // A text that no id can hold comes after none.
    let after = page.after.as_deref().filter(|after| is_storable(after)).unwrap_or_default();
    let (bytes, limit) = (client.as_str().as_bytes(), i64::from(page.limit));
    let values: [&(dyn ToSql + Sync); 4] = [&app.as_str(), &bytes, &after, &limit];
    let rows = connection.rows(sql, &values).await?;
    rows.iter().map(|row| Ok(ConversationId::new(column::<String>(row, 0)?))).collect()
}

fn ids(conversations: &[ConversationId]) -> Vec<&str> {
    conversations.iter().map(ConversationId::as_str).filter(|id| is_storable(id)).collect()
}

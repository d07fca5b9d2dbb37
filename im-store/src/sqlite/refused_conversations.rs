//! Conversations to which clients do not want to be added by others.

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{ConversationPage, RefusalChange, RefusedConversations, StoreError};
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::conversation_row::key;
use super::error::WorkError;

#[async_trait]
impl RefusedConversations for SqliteStore {
    async fn refuse_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
        limit: usize,
    ) -> Result<RefusalChange, StoreError> {
        let (of_app, of_client, asked) = (app.clone(), client.clone(), conversations.to_vec());
        let refuse = move |connection: &Connection, _| refuse(connection, (&of_app, &of_client), asked, limit);
        let (of_app, of_client) = (app.clone(), client.clone());
        let is_done = move |connection: &Connection, change: &RefusalChange| {
            Ok(among(connection, (&of_app, &of_client), &change.refused)?.len() == change.refused.len())
        };
        self.write_and_read_back("refuse conversations", refuse, is_done).await
    }

    async fn accept_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<(), StoreError> {
        let (of_app, of_client, asked) = (app.clone(), client.clone(), conversations.to_vec());
        let accept = move |connection: &Connection, _| accept(connection, (&of_app, &of_client), &asked);
        let (of_app, of_client, asked) = (app.clone(), client.clone(), conversations.to_vec());
        let is_done =
            move |connection: &Connection, (): &()| Ok(among(connection, (&of_app, &of_client), &asked)?.is_empty());
        self.write_and_read_back("accept conversations", accept, is_done).await
    }

    async fn refused_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        page: &ConversationPage,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let (app, client, page) = (app.clone(), client.clone(), page.clone());
        let read = move |connection: &Connection| listed(connection, (&app, &client), &page);
        self.readers.read("refused conversations", read).await
    }

    async fn which_refused(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationId>, StoreError> {
        let (app, client, asked) = (app.clone(), client.clone(), conversations.to_vec());
        let read = move |connection: &Connection| among(connection, (&app, &client), &asked);
        self.readers.read("refused conversations", read).await
    }
}

fn refuse(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: Vec<ConversationId>,
    limit: usize,
) -> Result<RefusalChange, WorkError> {
    let mut change = RefusalChange::default();
    let in_all: i64 = connection
        .prepare_cached("SELECT count(*) FROM refused_conversations WHERE app = ?1 AND client = ?2")?
        .query_row([app.as_str(), client.as_str()], |row| row.get(0))?;
    let mut room = limit.saturating_sub(usize::try_from(in_all).unwrap_or(usize::MAX));
    let mut find =
        connection.prepare_cached("SELECT 1 FROM refused_conversations WHERE conversation = ?1 AND client = ?2")?;
    let mut insert = connection
        .prepare_cached("INSERT INTO refused_conversations (conversation, client, app) VALUES (?1, ?2, ?3)")?;
    // The conversation holds something about a client from now on. More often it need not be counted: no message is checked
    // against it.
    let mut note = connection
        .prepare_cached("UPDATE conversations SET standing_version = max(standing_version, 1) WHERE key = ?1")?;
    for conversation in asked {
        let Some(key) = key(connection, app, &conversation)? else {
            change.unknown.push(conversation);
            continue;
        };
        if find.exists(params![key, client.as_str()])? {
            change.refused.push(conversation);
        } else if room == 0 {
            change.beyond.push(conversation);
        } else {
            insert.execute(params![key, client.as_str(), app.as_str()])?;
            note.execute([key])?;
            room -= 1;
            change.refused.push(conversation);
        }
    }
    Ok(change)
}

fn accept(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
) -> Result<(), WorkError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM refused_conversations WHERE conversation = ?1 AND client = ?2")?;
    for conversation in asked {
        if let Some(key) = key(connection, app, conversation)? {
            delete.execute(params![key, client.as_str()])?;
        }
    }
    Ok(())
}

fn among(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    asked: &[ConversationId],
) -> Result<Vec<ConversationId>, WorkError> {
    let mut find =
        connection.prepare_cached("SELECT 1 FROM refused_conversations WHERE conversation = ?1 AND client = ?2")?;
    let mut found = Vec::new();
    for conversation in asked {
        if let Some(key) = key(connection, app, conversation)?
            && find.exists(params![key, client.as_str()])?
        {
            found.push(conversation.clone());
        }
    }
    Ok(found)
}

fn listed(
    connection: &Connection,
    (app, client): (&AppId, &ClientId),
    page: &ConversationPage,
) -> Result<Vec<ConversationId>, WorkError> {
    let after = page.after.as_deref().unwrap_or_default();
    let found = connection
        .prepare_cached(
            "SELECT conversations.id
             FROM refused_conversations
             JOIN conversations ON conversations.key = refused_conversations.conversation
             WHERE refused_conversations.app = ?1 AND refused_conversations.client = ?2 AND conversations.id > ?3
             ORDER BY conversations.id
             LIMIT ?4",
        )?
        .query_map(params![app.as_str(), client.as_str(), after, page.limit], |row| row.get::<_, String>(0))?
        .map(|id| id.map(ConversationId::new))
        .collect::<Result<_, _>>()?;
    Ok(found)
}

//! Messages: appending them, and their history.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
use hookd_im_core::store::{
    AppendedMessage, CallFor, Committed, Conversation, EditMessage, HistoryQuery, Messages, NewMessage, QueryError,
    StoreError, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use tokio::time::Instant;

use super::columns::is_storable;
use super::message_row::exists;
use super::pool::Connection;
use super::writer::Unanswered;
use super::{PostgresStore, READ_LIMIT, history, message_edits};
use crate::query::budget::TIME_BUDGET;

#[async_trait]
impl Messages for PostgresStore {
    async fn append_message(
        &self,
        app: &AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Option<Committed<AppendedMessage>>, StoreError> {
        if !is_storable(new.conversation.as_str()) {
            return Ok(None);
        }
        let until = Instant::now() + self.database.limits.write + self.database.limits.look;
        match self.writer.append(app.clone(), new, call).await {
            Ok(appended) => Ok(appended),
            Err(Unanswered::Refused(error)) => Err(error),
            Err(Unanswered::Unknown(appended)) => {
                let unknown = StoreError::OutcomeUnknown { operation: "append message" };
                let Some(appended) = appended else { return Err(unknown) };
                let Some(id) = appended.as_ref().map(|appended| &appended.row.id) else { return Ok(None) };
                let is_there = async |connection: Arc<Connection>| exists(&connection, id).await;
                if self.database.find_out(until, is_there).await { Ok(appended) } else { Err(unknown) }
            }
        }
    }

    async fn message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
    ) -> Result<Option<StoredMessage>, StoreError> {
        let find =
            async |connection: Arc<Connection>| message_edits::find(&connection, (app, conversation), message).await;
        self.database.pool.read(("message", READ_LIMIT), find).await
    }

    async fn edit_message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
        edit: EditMessage,
    ) -> Result<Option<Result<(Conversation, StoredMessage), Refusal>>, StoreError> {
        let edit = async |connection: Arc<Connection>, now| {
            message_edits::edit(&connection, (app, conversation), message, edit, now).await
        };
        let is_done = async |connection: Arc<Connection>, edited: Edited| {
            let Some(Ok((_, edited))) = edited else { return Ok(true) };
            let now = message_edits::find(&connection, (app, conversation), message).await?;
            Ok(now.is_some_and(|now| now.patched_at == edited.patched_at))
        };
        self.database.write_and_read_back("edit message", edit, is_done).await
    }

    async fn changed_messages(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError> {
        let find = async |connection: Arc<Connection>, _| {
            Ok(message_edits::changed_after(&connection, (app, client), after, limit).await?)
        };
        self.queries.run(app, "changed messages", find).await.map_err(|error| store_error(error, "changed messages"))
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let range =
            async |connection: Arc<Connection>, _| Ok(history::range(&connection, app, conversation, query).await?);
        self.queries.run(app, "history", range).await.map_err(|error| store_error(error, "history"))
    }
}

/// What became of an edit.
type Edited = Option<Result<(Conversation, StoredMessage), Refusal>>;

fn store_error(error: QueryError, operation: &'static str) -> StoreError {
    match error {
        QueryError::Store(error) => error,
        QueryError::BadFilter(_) | QueryError::TooCostly(_) => StoreError::TimedOut { operation, limit: TIME_BUDGET },
    }
}

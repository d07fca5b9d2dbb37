//! Messages: appending them, and their history.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{
    AppendedMessage, CallFor, Committed, HistoryQuery, Messages, NewMessage, NotAppended, StoreError, StoredMessage,
};
use tokio::time::Instant;

use super::columns::is_storable;
use super::message_row::exists;
use super::pool::Connection;
use super::writer::Unanswered;
use super::{PostgresStore, history};
use crate::query::budget::store_error;

#[async_trait]
impl Messages for PostgresStore {
    async fn append_message(
        &self,
        app: &AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Result<Committed<AppendedMessage>, NotAppended>, StoreError> {
        if !is_storable(new.conversation.as_str()) {
            return Ok(Err(NotAppended::NoConversation));
        }
        let until = Instant::now() + self.database.limits.write + self.database.limits.look;
        match self.writer.append(app.clone(), new, call).await {
            Ok(appended) => Ok(appended),
            Err(Unanswered::Refused(error)) => Err(error),
            Err(Unanswered::Unknown(appended)) => {
                let unknown = StoreError::OutcomeUnknown { operation: "append message" };
                let Some(appended) = appended else { return Err(unknown) };
                let Ok(Committed { row, .. }) = &appended else { return Ok(appended) };
                let is_there = async |connection: Arc<Connection>| exists(&connection, &row.id).await;
                if self.database.find_out(until, is_there).await { Ok(appended) } else { Err(unknown) }
            }
        }
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

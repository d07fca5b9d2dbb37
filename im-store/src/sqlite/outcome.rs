//! Writes whose commit is not heard of in time.

use std::sync::Arc;

use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::Connection;
use tokio::time::timeout;

use super::SqliteStore;
use super::error::WorkError;
use super::writer::Unanswered;

impl SqliteStore {
    /// A write whose only trace is its answer.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, WorkError> + Send + 'static,
    {
        let unknown = |_| async { Ok(None) };
        self.write_or_else(operation, work, unknown).await
    }

    /// A write whose commit may stay unanswered. Then `happened` finds out, from its changes and the file, whether it
    /// was done: the answer can be late although the data is on disk.
    pub(super) async fn write_and_read_back<T, F, E>(
        &self,
        operation: &'static str,
        work: F,
        happened: E,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, WorkError> + Send + 'static,
        E: FnOnce(&Connection, &T) -> Result<bool, WorkError> + Send + 'static,
    {
        let look = |done: Option<T>| async {
            let Some(done) = done else { return Ok(None) };
            let look = move |connection: &Connection| Ok(happened(connection, &done)?.then_some(done));
            let looked = timeout(self.read_back, self.readers.read("the outcome of a write", look));
            looked.await.unwrap_or(Ok(None))
        };
        self.write_or_else(operation, work, look).await
    }

    async fn write_or_else<T, F, L>(
        &self,
        operation: &'static str,
        work: F,
        look: impl FnOnce(Option<T>) -> L,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, WorkError> + Send + 'static,
        L: Future<Output = Result<Option<T>, StoreError>>,
    {
        let clock = Arc::clone(&self.clock);
        let unknown = || StoreError::OutcomeUnknown { operation };
        match self.writer.write(operation, move |connection| work(connection, clock())).await {
            Ok(done) => Ok(done),
            Err(Unanswered::Refused(error)) => Err(error),
            // A look that fails leaves the outcome as unknown as it was.
            Err(Unanswered::Unknown(done)) => look(done).await.ok().flatten().ok_or_else(unknown),
        }
    }
}

/// F-4: a commit that is late.
#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use hookd_im_core::ids::{AppId, ClientId, ConversationId, MessageId};
    use hookd_im_core::store::{
        ConversationKind, Conversations as _, MemberRules, MembershipRequest, MessageBody, Messages as _,
        NewConversation, NewMessage, StoreError,
    };
    use hookd_im_core::timestamp::Timestamp;
    use rusqlite::hooks::Wal;
    use serde_json::Map;

    use crate::sqlite::{Deadlines, SqliteStore, prepared};

    const DEADLINES: Deadlines =
        Deadlines { read: Duration::from_secs(10), write: Duration::from_secs(1), read_back: Duration::from_secs(10) };

    /// Where the writer stands still.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Stall {
        BeforeItIsOnDisk,
        AfterItIsOnDisk,
    }

    fn message(conversation: &ConversationId) -> NewMessage {
        NewMessage {
            id: MessageId::generate(),
            conversation: conversation.clone(),
            from: ClientId::new("tom"),
            members_sequence: 1,
            standing_version: 0,
            receivers: None,
            body: MessageBody::Text("hi".to_owned()),
            mentions: Vec::new(),
            mention_all: false,
            deduplication_token: Some("t1".to_owned()),
            receipt: false,
            patched_at: None,
        }
    }

    fn jerry() -> MembershipRequest {
        MembershipRequest {
            by: ClientId::new("tom"),
            members: vec![ClientId::new("jerry")],
            by_member_only: true,
            rules: MemberRules::default(),
        }
    }

    fn room() -> NewConversation {
        NewConversation {
            id: ConversationId::generate(),
            kind: ConversationKind::Basic,
            ttl_seconds: None,
            attributes: Map::new(),
            creator: Some(ClientId::new("tom")),
            members: vec![ClientId::new("tom")],
            unique: false,
        }
    }

    /// A store with a conversation, whose further commits each wait for a word.
    fn stalling(folder: &tempfile::TempDir, stall: Stall) -> (Arc<SqliteStore>, Sender<()>) {
        let path = folder.path().join("im.db");
        let (go_on, told) = channel();
        let mut writer = prepared(&path).unwrap();
        match stall {
            Stall::BeforeItIsOnDisk => writer.commit_hook(Some(move || told.recv().is_err())).unwrap(),
            Stall::AfterItIsOnDisk => {
                let stall = move |_: &mut Wal, _| {
                    // Goes on, too, when the test is over.
                    let _ = told.recv();
                    Ok(())
                };
                writer.wal_hook(Some(stall)).unwrap();
            }
        }
        let store = SqliteStore::over(writer, &path, Arc::new(Timestamp::now), DEADLINES).unwrap();
        (Arc::new(store), go_on)
    }

    #[tokio::test]
    async fn an_unanswered_commit_is_neither_refused_nor_acknowledged_and_answers_its_resend() {
        let (folder, app) = (tempfile::tempdir().unwrap(), AppId::new("demo"));
        let (store, go_on) = stalling(&folder, Stall::BeforeItIsOnDisk);
        go_on.send(()).unwrap();
        let conversation = store.create_conversation(&app, room(), None).await.unwrap().row.conversation.id;

        let lost = message(&conversation);
        let answer = store.append_message(&app, lost.clone(), None).await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })), "{answer:?}");
        let behind = store.append_message(&app, message(&conversation), None).await;
        assert!(matches!(behind, Err(StoreError::TimedOut { .. })), "it never runs: {behind:?}");

        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        let resend = store.append_message(&app, message(&conversation), None).await.unwrap().unwrap();
        assert!(resend.row.earlier.is_some());
        assert_eq!(resend.row.id, lost.id);
    }

    #[tokio::test]
    async fn what_is_on_disk_is_acknowledged_though_the_writer_stands_still() {
        let (folder, app) = (tempfile::tempdir().unwrap(), AppId::new("demo"));
        let (store, go_on) = stalling(&folder, Stall::AfterItIsOnDisk);
        let conversation = store.create_conversation(&app, room(), None).await.unwrap().row.conversation.id;
        go_on.send(()).unwrap();
        let sent = store.append_message(&app, message(&conversation), None).await.unwrap().unwrap();
        assert_eq!(sent.row.earlier, None);
        go_on.send(()).unwrap();
        let added = store.add_members(&app, &conversation, &jerry(), 10, None).await.unwrap();
        assert_eq!(added.unwrap().row.changed, [ClientId::new("jerry")]);
        go_on.send(()).unwrap();
        let removed = store.remove_members(&app, &conversation, &jerry(), None).await.unwrap();
        assert_eq!(removed.unwrap().row.changed, [ClientId::new("jerry")]);
        drop(go_on);
    }
}

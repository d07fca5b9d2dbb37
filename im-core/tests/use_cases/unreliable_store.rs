//! A store that loses answers, panics and stops at given points, over the real one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hookd_im_core::app::ImSettings;
use hookd_im_core::error::Refusal;
use hookd_im_core::ids::{AppId, Channel, ClientId, ConversationId, MessageId, NodeId};
use hookd_im_core::store::{
    Acknowledged, AgePage, AppendedMessage, Backlog, Ban, Bans, CallEntry, CallFor, CallLimits, CallOutcome, Calls,
    ChangedStanding, ChangedSubscription, Claimed, ClientPage, Committed, Conversation, ConversationPage,
    ConversationQuery, Conversations, CreatedConversation, DailyUsers, DeadLetter, DeadLetterFilter, DecideStanding,
    Delivered, EditConversation, EditMessage, EndedLogin, EventRange, FoundConversation, HistoryQuery, ImportedCall,
    MarkedRead, MemberInfo, MembersUnchanged, MembershipChange, MembershipRequest, MessageChanges, MessageEdit,
    Messages, MissedEvent, MissedEvents, NewConversation, NewMessage, Nodes, NotAppended, QueryError, ReceiptMarks,
    Receipts, RefusalChange, RefusedConversations, Restriction, Retention, Sessions, Settings, Standing, Standings,
    StoreError, StoredCall, StoredEventLog, StoredEvents, StoredMessage, SubscriberPage, Subscription,
    SubscriptionChange, Subscriptions, UnreadConversation, Views,
};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, oneshot};

use crate::scripted_nodes::{ScriptedNodes, Step};

/// A place at which the store can be stopped once.
#[derive(Default)]
pub struct Stop(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

impl Stop {
    /// The next caller here waits. The first half resolves when that happens, the second one lets it go on.
    pub fn next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((came, comes), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
        *self.0.lock().unwrap() = Some((came, goes_on));
        (comes, go_on)
    }

    async fn pass(&self) {
        let stop = self.0.lock().unwrap().take();
        if let Some((came, goes_on)) = stop {
            came.send(()).unwrap();
            goes_on.await.unwrap();
        }
    }
}

/// Where the store has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panics {
    AddCalls,
    Claim,
    Settle,
}

/// When the process dies that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    BeforeTheWrite,
    AfterTheWrite,
}

/// True where something is still to happen.
fn once_less(times: &AtomicU32) -> bool {
    times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

pub struct UnreliableStore {
    store: SqliteStore,
    /// The next message is stored, or refused by the conversation, and the answer is lost.
    pub loses_next_append: AtomicBool,
    /// So many times settings are saved, and the answer is lost.
    pub loses_saves: AtomicU32,
    /// A conversation has been created, and its creator does not know yet.
    pub after_create: Stop,
    /// A message or a change of members is about to be written.
    pub before_write: Stop,
    /// The history is about to be read.
    pub before_history: Stop,
    /// It has been looked whether a client is banned.
    pub after_ban_read: Stop,
    /// A kick is about to be kept.
    pub before_kick: Stop,
    /// It was read when a client was kicked.
    pub after_kick_read: Stop,
    /// So many times nothing is added.
    pub refuses_adds: AtomicU32,
    /// So many times something is added, and the answer is lost.
    pub loses_adds: AtomicU32,
    /// Something is about to be added.
    pub before_add: Stop,
    /// How often something was added.
    pub adds: AtomicUsize,
    /// Entries that were to be added.
    pub entries: AtomicUsize,
    /// How often the members of a conversation were read for a request about it.
    pub member_reads: AtomicUsize,
    /// How often calls were claimed.
    pub claims: AtomicUsize,
    /// Calls whose end was written down, or was not because another node has them.
    pub settled: AtomicUsize,
    /// Leases, where they are not the real ones.
    pub nodes: ScriptedNodes,
    /// It panics there once, and works afterwards.
    pub panics: Mutex<Option<Panics>>,
    /// Operations, and calls without one, are never answered from here on.
    pub killed: Mutex<Option<Killed>>,
    /// Gets a permit when one has come as far as that.
    reached: Semaphore,
}

impl UnreliableStore {
    pub fn new(store: SqliteStore) -> Self {
        Self {
            store,
            loses_next_append: AtomicBool::new(false),
            loses_saves: AtomicU32::new(0),
            after_create: Stop::default(),
            before_write: Stop::default(),
            before_history: Stop::default(),
            after_ban_read: Stop::default(),
            before_kick: Stop::default(),
            after_kick_read: Stop::default(),
            refuses_adds: AtomicU32::new(0),
            loses_adds: AtomicU32::new(0),
            before_add: Stop::default(),
            adds: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            member_reads: AtomicUsize::new(0),
            claims: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            nodes: ScriptedNodes::default(),
            panics: Mutex::default(),
            killed: Mutex::default(),
            reached: Semaphore::new(0),
        }
    }

    /// Resolves when a write has come as far as the kill.
    pub async fn kill_is_reached(&self) {
        drop(self.reached.acquire().await.unwrap());
    }

    async fn killed<T>(&self, write: impl Future<Output = T>) -> T {
        let killed = *self.killed.lock().unwrap();
        let Some(killed) = killed else { return write.await };
        if killed == Killed::AfterTheWrite {
            write.await;
        }
        self.reached.add_permits(1);
        std::future::pending().await
    }

    fn panics(&self, here: Panics) {
        let panics = self.panics.lock().unwrap().take_if(|panics| *panics == here);
        assert!(panics.is_none(), "a bug {here:?}");
    }
}

#[async_trait]
impl Settings for UnreliableStore {
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        self.store.settings(app).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let saved = self.store.save_settings(app, settings).await;
        if once_less(&self.loses_saves) {
            return Err(StoreError::OutcomeUnknown { operation: "save settings" });
        }
        saved
    }
}

#[async_trait]
impl Conversations for UnreliableStore {
    async fn create_conversation(
        &self,
        app: &AppId,
        new: NewConversation,
        call: Option<CallFor<Conversation>>,
    ) -> Result<Committed<CreatedConversation>, StoreError> {
        let created = self.killed(self.store.create_conversation(app, new, call)).await;
        self.after_create.pass().await;
        created
    }

    async fn conversation(&self, app: &AppId, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.store.conversation(app, id).await
    }

    async fn find_conversations(
        &self,
        app: &AppId,
        asking: &ClientId,
        query: &ConversationQuery,
    ) -> Result<Vec<FoundConversation>, QueryError> {
        self.store.find_conversations(app, asking, query).await
    }

    async fn edit_conversation(
        &self,
        app: &AppId,
        id: &ConversationId,
        edit: EditConversation,
    ) -> Result<Option<Result<Conversation, Refusal>>, StoreError> {
        self.store.edit_conversation(app, id, edit).await
    }

    async fn add_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        member_limit: usize,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Result<Committed<MembershipChange>, MembersUnchanged>, StoreError> {
        self.before_write.pass().await;
        self.killed(self.store.add_members(app, id, request, member_limit, call)).await
    }

    async fn remove_members(
        &self,
        app: &AppId,
        id: &ConversationId,
        request: &MembershipRequest,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Result<Committed<MembershipChange>, MembersUnchanged>, StoreError> {
        self.before_write.pass().await;
        self.killed(self.store.remove_members(app, id, request, call)).await
    }

    async fn delete_expired_conversations(&self) -> Result<bool, StoreError> {
        self.store.delete_expired_conversations().await
    }
}

#[async_trait]
impl Retention for UnreliableStore {
    async fn conversation_ages(&self, after: u64) -> Result<AgePage, StoreError> {
        self.store.conversation_ages(after).await
    }

    async fn delete_messages_before(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.delete_messages_before(app, conversation, before).await
    }

    async fn delete_conversation_idle_since(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.delete_conversation_idle_since(app, conversation, since).await
    }
}

#[async_trait]
impl Standings for UnreliableStore {
    async fn standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Option<Standing>, StoreError> {
        self.member_reads.fetch_add(1, Ordering::SeqCst);
        self.store.standing(app, conversation, clients).await
    }

    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        named: (&ClientId, &[ClientId]),
        decide: DecideStanding,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Option<Result<ChangedStanding, Refusal>>, StoreError> {
        self.before_write.pass().await;
        self.store.change_standing(app, conversation, named, decide, call).await
    }

    async fn member_infos(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<MemberInfo>, StoreError> {
        self.store.member_infos(app, conversation).await
    }

    async fn restricted_clients(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        restriction: Restriction,
        page: &ClientPage,
    ) -> Result<Vec<ClientId>, StoreError> {
        self.store.restricted_clients(app, conversation, restriction, page).await
    }
}

#[async_trait]
impl Bans for UnreliableStore {
    async fn ban(
        &self,
        app: &AppId,
        client: &ClientId,
        until: Option<Timestamp>,
        most: usize,
    ) -> Result<Option<Ban>, StoreError> {
        self.store.ban(app, client, until, most).await
    }

    async fn unban(&self, app: &AppId, client: &ClientId) -> Result<bool, StoreError> {
        self.store.unban(app, client).await
    }

    async fn ban_of(&self, app: &AppId, client: &ClientId) -> Result<Option<Ban>, StoreError> {
        let ban = self.store.ban_of(app, client).await;
        self.after_ban_read.pass().await;
        ban
    }

    async fn bans(&self, app: &AppId, page: &ClientPage) -> Result<Vec<Ban>, StoreError> {
        self.store.bans(app, page).await
    }
}

#[async_trait]
impl DailyUsers for UnreliableStore {
    async fn count_daily_user(&self, app: &AppId, client: &ClientId, most: u32) -> Result<bool, StoreError> {
        self.store.count_daily_user(app, client, most).await
    }
}

#[async_trait]
impl RefusedConversations for UnreliableStore {
    async fn refuse_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
        limit: usize,
    ) -> Result<RefusalChange, StoreError> {
        self.store.refuse_conversations(app, client, conversations, limit).await
    }

    async fn accept_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<(), StoreError> {
        self.store.accept_conversations(app, client, conversations).await
    }

    async fn refused_conversations(
        &self,
        app: &AppId,
        client: &ClientId,
        page: &ConversationPage,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.store.refused_conversations(app, client, page).await
    }

    async fn which_refused(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.store.which_refused(app, client, conversations).await
    }
}

#[async_trait]
impl Subscriptions for UnreliableStore {
    async fn subscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        request: &MembershipRequest,
        limit: usize,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        self.before_write.pass().await;
        self.store.subscribe(app, conversation, request, limit, call).await
    }

    async fn unsubscribe(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        call: Option<CallFor<SubscriptionChange>>,
    ) -> Result<ChangedSubscription, StoreError> {
        self.before_write.pass().await;
        self.store.unsubscribe(app, conversation, client, call).await
    }

    async fn mute_subscription(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        is_muted: bool,
    ) -> Result<bool, StoreError> {
        self.store.mute_subscription(app, conversation, client, is_muted).await
    }

    async fn subscriptions(
        &self,
        app: &AppId,
        client: &ClientId,
        conversations: &[ConversationId],
    ) -> Result<Vec<Subscription>, StoreError> {
        self.store.subscriptions(app, client, conversations).await
    }

    async fn subscribed(&self, app: &AppId, client: &ClientId) -> Result<Vec<ConversationId>, StoreError> {
        self.store.subscribed(app, client).await
    }

    async fn muted_subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Vec<ClientId>, StoreError> {
        self.store.muted_subscribers(app, conversation, clients).await
    }

    async fn subscribers(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        page: &SubscriberPage,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.store.subscribers(app, conversation, page).await
    }

    async fn count_subscribers(&self, app: &AppId, conversation: &ConversationId) -> Result<u64, StoreError> {
        self.store.count_subscribers(app, conversation).await
    }
}

#[async_trait]
impl Views for UnreliableStore {
    async fn view(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        client: &ClientId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.store.view(app, conversation, client, query).await
    }
}

#[async_trait]
impl MessageChanges for UnreliableStore {
    async fn message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
    ) -> Result<Option<StoredMessage>, StoreError> {
        self.store.message(app, conversation, message).await
    }

    async fn edit_message(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        message: (&MessageId, Timestamp),
        edit: EditMessage,
    ) -> Result<MessageEdit, StoreError> {
        self.store.edit_message(app, conversation, message, edit).await
    }

    async fn changed_messages(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(ConversationId, StoredMessage)>, StoreError> {
        self.store.changed_messages(app, client, after, limit).await
    }
}

#[async_trait]
impl Messages for UnreliableStore {
    async fn append_message(
        &self,
        app: &AppId,
        new: NewMessage,
        call: Option<CallFor<AppendedMessage>>,
    ) -> Result<Result<Committed<AppendedMessage>, NotAppended>, StoreError> {
        self.before_write.pass().await;
        let appended = self.killed(self.store.append_message(app, new, call)).await;
        if self.loses_next_append.swap(false, Ordering::SeqCst) {
            return Err(StoreError::OutcomeUnknown { operation: "append message" });
        }
        appended
    }

    async fn history(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        query: &HistoryQuery,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.before_history.pass().await;
        self.store.history(app, conversation, query).await
    }
}

#[async_trait]
impl StoredEventLog for UnreliableStore {
    async fn stored_events(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        range: EventRange,
    ) -> Result<Option<StoredEvents>, StoreError> {
        self.store.stored_events(app, conversation, range).await
    }
}

#[async_trait]
impl MissedEvents for UnreliableStore {
    async fn add_missed_events(
        &self,
        app: &AppId,
        events: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.store.add_missed_events(app, events).await
    }

    async fn missed_events(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<MissedEvent>, StoreError> {
        self.store.missed_events(app, client, after, limit).await
    }
}

#[async_trait]
impl Receipts for UnreliableStore {
    async fn unread(
        &self,
        app: &AppId,
        client: &ClientId,
        changed_after: Option<Timestamp>,
    ) -> Result<Vec<UnreadConversation>, StoreError> {
        self.store.unread(app, client, changed_after).await
    }

    async fn unread_in(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
    ) -> Result<Option<UnreadConversation>, StoreError> {
        self.store.unread_in(app, client, conversation).await
    }

    async fn mark_read(
        &self,
        app: &AppId,
        client: &ClientId,
        read: Vec<(ConversationId, Timestamp)>,
    ) -> Result<Vec<MarkedRead>, StoreError> {
        self.store.mark_read(app, client, read).await
    }

    async fn mark_delivered(
        &self,
        app: &AppId,
        client: &ClientId,
        conversation: &ConversationId,
        acknowledged: &Acknowledged,
    ) -> Result<Option<Delivered>, StoreError> {
        self.store.mark_delivered(app, client, conversation, acknowledged).await
    }

    async fn receipt_marks(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<ReceiptMarks>, StoreError> {
        self.store.receipt_marks(app, conversation).await
    }
}

#[async_trait]
impl Sessions for UnreliableStore {
    async fn end_logins(&self, app: &AppId, ended: Vec<EndedLogin>) -> Result<(), StoreError> {
        self.store.end_logins(app, ended).await
    }

    async fn ended_login(
        &self,
        app: &AppId,
        login: &str,
        token_expires_at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        self.store.ended_login(app, login, token_expires_at).await
    }

    async fn keep_kick(
        &self,
        app: &AppId,
        client: &ClientId,
        kicked_at: Timestamp,
        kept_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.before_kick.pass().await;
        self.store.keep_kick(app, client, kicked_at, kept_until).await
    }

    async fn kicked_at(&self, app: &AppId, client: &ClientId) -> Result<Option<Timestamp>, StoreError> {
        let kicked_at = self.store.kicked_at(app, client).await;
        self.after_kick_read.pass().await;
        kicked_at
    }
}

#[async_trait]
impl Calls for UnreliableStore {
    async fn add_calls(
        &self,
        node: &NodeId,
        app: &AppId,
        entries: Vec<CallEntry>,
        limits: CallLimits,
    ) -> Result<Vec<StoredCall>, StoreError> {
        self.panics(Panics::AddCalls);
        self.entries.fetch_add(entries.len(), Ordering::SeqCst);
        self.before_add.pass().await;
        if once_less(&self.refuses_adds) {
            return Err(StoreError::OutcomeUnknown { operation: "add calls" });
        }
        let added = self.killed(self.store.add_calls(node, app, entries, limits)).await;
        self.adds.fetch_add(1, Ordering::SeqCst);
        if once_less(&self.loses_adds) {
            return Err(StoreError::OutcomeUnknown { operation: "add calls" });
        }
        added
    }

    async fn claim(&self, node: &NodeId, app: &AppId, channel: &Channel, limit: usize) -> Result<Claimed, StoreError> {
        self.panics(Panics::Claim);
        let claimed = self.store.claim(node, app, channel, limit).await;
        self.claims.fetch_add(1, Ordering::SeqCst);
        claimed
    }

    async fn settle(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        settled: Vec<(u64, CallOutcome)>,
        dead_letter_limit: usize,
    ) -> Result<usize, StoreError> {
        self.panics(Panics::Settle);
        let calls = settled.len();
        let answer = self.store.settle(node, app, channel, settled, dead_letter_limit).await;
        self.settled.fetch_add(calls, Ordering::SeqCst);
        answer
    }

    async fn give_back(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        calls: Vec<u64>,
    ) -> Result<(), StoreError> {
        self.store.give_back(node, app, channel, calls).await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        if self.nodes.is_scripted() {
            return Ok(Vec::new());
        }
        self.store.backlog().await
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limit: usize,
        with_payload: bool,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.store.dead_letters(app, filter, limit, with_payload).await
    }

    async fn retry_dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limits: CallLimits,
    ) -> Result<usize, StoreError> {
        self.store.retry_dead_letters(app, filter, limits).await
    }

    async fn discard_dead_letters(&self, app: &AppId, filter: &DeadLetterFilter) -> Result<usize, StoreError> {
        self.store.discard_dead_letters(app, filter).await
    }

    async fn import_calls(&self, app: &AppId, calls: Vec<ImportedCall>) -> Result<(), StoreError> {
        self.store.import_calls(app, calls).await
    }

    async fn delete_handed_over(&self, app: &AppId, rows: Vec<u64>) -> Result<usize, StoreError> {
        self.store.delete_handed_over(app, rows).await
    }

    async fn forget_calls(&self, app: &AppId) -> Result<(), StoreError> {
        self.store.forget_calls(app).await
    }
}

#[async_trait]
impl Nodes for UnreliableStore {
    async fn begin_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError> {
        self.store.begin_lease(node, lease).await
    }

    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<bool, StoreError> {
        if self.nodes.is_scripted() {
            return self.nodes.renew().await;
        }
        self.store.renew_lease(node, lease).await
    }

    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError> {
        self.store.end_node(node).await
    }

    async fn end_earlier_nodes(&self, by: &NodeId) -> Result<usize, StoreError> {
        if self.nodes.is_scripted() {
            return self.nodes.end(Step::EndedEarlier).await;
        }
        self.store.end_earlier_nodes(by).await
    }

    async fn end_lost_nodes(&self, by: &NodeId) -> Result<usize, StoreError> {
        if self.nodes.is_scripted() {
            return self.nodes.end(Step::EndedLost).await;
        }
        self.store.end_lost_nodes(by).await
    }
}

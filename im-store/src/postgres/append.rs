//! Storing some messages in one transaction, with two exchanges with the database: what is needed to decide is read under
//! the locks of the conversations, then everything is written.

use std::collections::HashMap;

use futures::future::OptionFuture;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{
    AppendedMessage, CallFor, Committed, ConversationKind, MessageBody, NewMessage, NotAppended, StoreError,
    StoredCall, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::calls::{NewCalls, Room};
use super::columns::{column, to_i64, to_u64};
use super::error::{is_lost, is_refusal, store_error};
use super::message_row::{self, COLUMNS, oldest_repeated};
use super::pool::Connection;
use crate::json;
use crate::message_type::message_type;
use crate::views::{of_message, of_receivers};

/// A message on its way into the store.
pub(super) struct Append {
    pub(super) app: AppId,
    pub(super) new: NewMessage,
    pub(super) has_call: bool,
}

/// What became of one.
pub(super) type Appended = Result<Committed<AppendedMessage>, NotAppended>;

/// Where the messages of a batch belong, read under the locks.
pub(super) struct Locked {
    conversations: HashMap<(AppId, ConversationId), Place>,
    earlier: HashMap<usize, StoredMessage>,
    room: Room,
}

/// The end of a conversation.
#[derive(Clone, Copy)]
struct Place {
    key: i64,
    last_message_at: Option<i64>,
    last_sequence: u64,
    members_sequence: u64,
    standing_version: u64,
    is_service: bool,
    is_changed: bool,
}

/// Begins the transaction, locks the conversations in the order of their keys, and reads what is needed to decide. A
/// message that was sent before is found after the locks are held.
pub(super) async fn lock(connection: &Connection, batch: &[Append], now: Timestamp) -> Result<Locked, StoreError> {
    let apps: Vec<&str> = batch.iter().map(|append| append.app.as_str()).collect();
    let ids: Vec<&str> = batch.iter().map(|append| append.new.conversation.as_str()).collect();
    let keys = batch.iter().map(|append| message_row::deduplication_key(&append.app, &append.new));
    let (places, keys): (Vec<i64>, Vec<Vec<u8>>) =
        keys.enumerate().filter_map(|(place, key)| Some((to_i64(place), key?))).unzip();
    let mut apps_with_calls: Vec<&str> =
        batch.iter().filter(|append| append.has_call).map(|append| append.app.as_str()).collect();
    apps_with_calls.sort_unstable();
    apps_with_calls.dedup();

    let statements = Statements::prepare(connection).await?;
    let oldest = oldest_repeated(now);
    let lock_values: [&(dyn ToSql + Sync); 2] = [&apps, &ids];
    let key_values: [&(dyn ToSql + Sync); 3] = [&places, &keys, &oldest];
    // Sent in this order, without waiting for the answers.
    let begun = connection.batch_execute("BEGIN");
    let locked = connection.query(&statements.lock, &lock_values);
    let earlier = (!keys.is_empty()).then(|| connection.query(&statements.earlier, &key_values));
    let room = (!apps_with_calls.is_empty()).then(|| Room::of(connection, &apps_with_calls));
    let (begun, locked, earlier, room) =
        tokio::join!(begun, locked, OptionFuture::from(earlier), OptionFuture::from(room));
    begun.map_err(store_error)?;
    let locked = locked.map_err(store_error)?;
    let is_there = |row: &&Row| match column::<Option<i64>>(row, 7) {
        Ok(expires_at) => expires_at.is_none_or(|expires_at| expires_at > now.0),
        // Reading the row says so.
        Err(_) => true,
    };
    let conversations = locked.iter().filter(is_there).map(|row| {
        let key = (AppId::new(column::<String>(row, 1)?), ConversationId::new(column::<String>(row, 2)?));
        let place = Place {
            key: column(row, 0)?,
            last_message_at: column(row, 3)?,
            last_sequence: to_u64(column(row, 4)?),
            members_sequence: to_u64(column(row, 5)?),
            standing_version: to_u64(column(row, 6)?),
            is_service: column::<i32>(row, 8)? == ConversationKind::Service.number(),
            is_changed: false,
        };
        Ok((key, place))
    });
    let conversations = conversations.collect::<Result<_, StoreError>>()?;
    let earlier = earlier.transpose().map_err(store_error)?.unwrap_or_default();
    let earlier = earlier.iter().map(|row| {
        let place = usize::try_from(column::<i64>(row, 0)?).unwrap_or(usize::MAX);
        Ok((place, message_row::read(row, 1)?))
    });
    let earlier = earlier.collect::<Result<_, StoreError>>()?;
    Ok(Locked { conversations, earlier, room: room.transpose()?.unwrap_or_default() })
}

/// What is written for a batch.
pub(super) struct Writes {
    now: Timestamp,
    messages: Vec<NewRow>,
    /// By what messages have in common that repeat each other.
    repeatable: HashMap<Vec<u8>, usize>,
    calls: NewCalls,
    views: NewViews,
    locked: Locked,
}

/// In whose views of service conversations the messages are.
#[derive(Default)]
struct NewViews {
    messages: (Vec<i64>, Vec<Vec<u8>>, Vec<i64>),
    /// Those whose clients may have none yet.
    begun: (Vec<i64>, Vec<Vec<u8>>, Vec<String>),
}

impl NewViews {
    fn add(&mut self, (app, conversation): (&AppId, i64), new: &NewMessage, timestamp: Timestamp) {
        for client in of_message(new.receivers.as_deref(), &new.from) {
            self.messages.0.push(conversation);
            self.messages.1.push(client.as_bytes().to_vec());
            self.messages.2.push(timestamp.0);
        }
        for client in of_receivers(new.receivers.as_deref()) {
            self.begun.0.push(conversation);
            self.begun.1.push(client.as_bytes().to_vec());
            self.begun.2.push(app.as_str().to_owned());
        }
    }
}

/// A message to be written.
struct NewRow {
    conversation: i64,
    message: StoredMessage,
    receivers: Option<Vec<ClientId>>,
    deduplication_key: Option<Vec<u8>>,
    receipt: bool,
}

impl Writes {
    pub(super) fn new(locked: Locked, now: Timestamp) -> Self {
        let (calls, views) = (NewCalls::default(), NewViews::default());
        Self { now, messages: Vec::new(), repeatable: HashMap::new(), calls, views, locked }
    }

    /// Decides about the message at this place of the batch, in the order of the batch.
    pub(super) fn add(&mut self, at: usize, append: Append, call: Option<CallFor<AppendedMessage>>) -> Appended {
        let Append { app, new, .. } = append;
        let place = self.locked.conversations.get_mut(&(app.clone(), new.conversation.clone()));
        let place = place.ok_or(NotAppended::NoConversation)?;
        if (place.members_sequence, place.standing_version) != (new.members_sequence, new.standing_version) {
            return Err(NotAppended::MembersChanged);
        }
        let repeated = message_row::deduplication_key(&app, &new);
        let of_batch = repeated.as_ref().and_then(|key| self.repeatable.get(key));
        let of_batch = of_batch.and_then(|index| self.messages.get(*index)).map(|row| row.message.clone());
        if let Some(earlier) = self.locked.earlier.remove(&at).or(of_batch) {
            let (id, timestamp, sequence) = (earlier.id.clone(), earlier.timestamp, earlier.sequence);
            let row = AppendedMessage { id, timestamp, sequence, earlier: Some(Box::new(earlier)) };
            return Ok(Committed { row, call: StoredCall::None });
        }
        let after_last = place.last_message_at.map_or(0, |last| last.saturating_add(1));
        let (timestamp, sequence) = (Timestamp(self.now.0.max(after_last)), place.last_sequence.saturating_add(1));
        *place = Place { last_message_at: Some(timestamp.0), last_sequence: sequence, is_changed: true, ..*place };
        let key = place.key;
        if place.is_service {
            self.views.add((&app, key), &new, timestamp);
        }
        if let Some(repeated) = &repeated {
            self.repeatable.insert(repeated.clone(), self.messages.len());
        }
        let message = message_row::stored(&new, timestamp, sequence);
        let NewMessage { id, receivers, receipt, .. } = new;
        let row = NewRow { conversation: key, message, receivers, deduplication_key: repeated, receipt };
        self.messages.push(row);
        let row = AppendedMessage { id, timestamp, sequence, earlier: None };
        let call = self.calls.add_for(&app, call, &row, &mut self.locked.room);
        Ok(Committed { row, call })
    }

    /// Writes everything and commits.
    pub(super) async fn commit(&self, connection: &Connection) -> Result<(), CommitError> {
        let rows = MessageColumns::of(&self.messages)?;
        let changed: Vec<Place> =
            self.locked.conversations.values().filter(|place| place.is_changed).copied().collect();
        let keys: Vec<i64> = changed.iter().map(|place| place.key).collect();
        let times: Vec<Option<i64>> = changed.iter().map(|place| place.last_message_at).collect();
        let sequences: Vec<i64> = changed.iter().map(|place| to_i64(place.last_sequence)).collect();
        let statements = Statements::prepare(connection).await?;
        let update_values: [&(dyn ToSql + Sync); 4] = [&keys, &times, &sequences, &self.now.0];
        let insert_values = rows.values();
        // Sent in this order, without waiting for the answers: where one fails, the commit undoes all of them.
        let updated = connection.execute(&statements.update, &update_values);
        let inserted = connection.execute(&statements.insert, &insert_values);
        let (viewed, begun) = (&self.views.messages, &self.views.begun);
        let view_values: [&(dyn ToSql + Sync); 3] = [&viewed.0, &viewed.1, &viewed.2];
        let begin_values: [&(dyn ToSql + Sync); 3] = [&begun.0, &begun.1, &begun.2];
        let viewed = (!viewed.0.is_empty()).then(|| connection.execute(&statements.view, &view_values));
        let begun = (!begun.0.is_empty()).then(|| connection.execute(&statements.begin_views, &begin_values));
        let committed = async {
            self.calls.insert(connection, self.now).await?;
            connection.batch_execute("COMMIT").await.map_err(CommitError::of)
        };
        let (viewed, begun) = (OptionFuture::from(viewed), OptionFuture::from(begun));
        let (updated, inserted, viewed, begun, committed) = tokio::join!(updated, inserted, viewed, begun, committed);
        updated.map_err(CommitError::of)?;
        inserted.map_err(CommitError::of)?;
        viewed.transpose().map_err(CommitError::of)?;
        begun.transpose().map_err(CommitError::of)?;
        committed
    }
}

/// Why a batch is not known to be committed.
pub(super) enum CommitError {
    /// It did not happen.
    Refused(StoreError),
    /// It may have happened.
    Unknown,
}

impl CommitError {
    /// Of a commit, or of a statement that a commit was sent behind.
    pub(super) fn of(error: tokio_postgres::Error) -> Self {
        if is_refusal(&error) { Self::Refused(store_error(error)) } else { Self::Unknown }
    }
}

/// Of what happened before the commit was sent.
impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// New rows of messages, by column.
struct MessageColumns<'a> {
    conversations: Vec<i64>,
    timestamps: Vec<i64>,
    sequences: Vec<i64>,
    ids: Vec<&'a str>,
    senders: Vec<&'a [u8]>,
    bodies: Vec<&'a [u8]>,
    are_texts: Vec<bool>,
    mentions: Vec<Option<String>>,
    mention_alls: Vec<bool>,
    receivers: Vec<Option<String>>,
    patched_at: Vec<Option<i64>>,
    deduplication_keys: Vec<Option<&'a [u8]>>,
    types: Vec<Option<i32>>,
    receipts: Vec<bool>,
}

impl<'a> MessageColumns<'a> {
    fn of(rows: &'a [NewRow]) -> Result<Self, StoreError> {
        let all = || rows.iter().map(|row| &row.message);
        let mentions = all().map(|message| match message.mentions.as_slice() {
            [] => Ok(None),
            mentions => json::to_column(mentions).map(Some),
        });
        let receivers = rows.iter().map(|row| row.receivers.as_deref().map(json::to_column).transpose());
        Ok(Self {
            conversations: rows.iter().map(|row| row.conversation).collect(),
            timestamps: all().map(|message| message.timestamp.0).collect(),
            sequences: all().map(|message| to_i64(message.sequence)).collect(),
            ids: all().map(|message| message.id.as_str()).collect(),
            senders: all().map(|message| message.from.as_str().as_bytes()).collect(),
            bodies: all()
                .map(|message| match &message.body {
                    MessageBody::Text(text) => text.as_bytes(),
                    MessageBody::Binary(bytes) => bytes.as_slice(),
                })
                .collect(),
            are_texts: all().map(|message| matches!(message.body, MessageBody::Text(_))).collect(),
            mentions: mentions.collect::<Result<_, _>>()?,
            mention_alls: all().map(|message| message.mention_all).collect(),
            receivers: receivers.collect::<Result<_, _>>()?,
            patched_at: all().map(|message| message.patched_at.map(|time| time.0)).collect(),
            deduplication_keys: rows.iter().map(|row| row.deduplication_key.as_deref()).collect(),
            types: all().map(|message| message_type(&message.body)).collect(),
            receipts: rows.iter().map(|row| row.receipt).collect(),
        })
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 14] {
        [
            &self.conversations,
            &self.timestamps,
            &self.sequences,
            &self.ids,
            &self.senders,
            &self.bodies,
            &self.are_texts,
            &self.mentions,
            &self.mention_alls,
            &self.receivers,
            &self.patched_at,
            &self.deduplication_keys,
            &self.types,
            &self.receipts,
        ]
    }
}

/// Prepared once for each connection.
struct Statements {
    lock: Statement,
    earlier: Statement,
    update: Statement,
    insert: Statement,
    view: Statement,
    begin_views: Statement,
}

impl Statements {
    async fn prepare(connection: &Connection) -> Result<Self, StoreError> {
        let prepare = async |sql: &str| connection.prepare_cached(sql).await.map_err(store_error);
        Ok(Self {
            lock: prepare(LOCK).await?,
            earlier: prepare(&format!("{EARLIER_BEGIN} {COLUMNS} {EARLIER_END}")).await?,
            update: prepare(UPDATE).await?,
            insert: prepare(INSERT).await?,
            view: prepare(VIEW).await?,
            begin_views: prepare(BEGIN_VIEWS).await?,
        })
    }
}

const LOCK: &str = "
    SELECT
        key,
        conversations.app,
        conversations.id,
        last_message_at,
        last_sequence,
        members_sequence,
        standing_version,
        expires_at,
        kind
    FROM conversations
    JOIN (SELECT DISTINCT app, id FROM unnest($1::text[], $2::text[]) AS given (app, id)) AS wanted
        ON conversations.app = wanted.app AND conversations.id = wanted.id
    ORDER BY key
    FOR NO KEY UPDATE OF conversations";

const EARLIER_BEGIN: &str = "SELECT given.place,";

/// The first one of a key comes last.
const EARLIER_END: &str = "
    FROM unnest($1::bigint[], $2::bytea[]) AS given (place, key)
    JOIN messages ON messages.deduplication_key = given.key AND messages.timestamp >= $3
    ORDER BY messages.timestamp DESC";

const UPDATE: &str = "
    UPDATE conversations
    SET last_message_at = changed.last_message_at,
        last_sequence = changed.last_sequence,
        updated_at = greatest(conversations.updated_at, $4)
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS changed (key, last_message_at, last_sequence)
    WHERE conversations.key = changed.key";

const INSERT: &str = "
    INSERT INTO messages (
        conversation,
        timestamp,
        sequence,
        id,
        sender,
        body,
        is_text,
        mentions,
        mention_all,
        receivers,
        patched_at,
        deduplication_key,
        message_type,
        receipt
    )
    SELECT *
    FROM unnest(
        $1::bigint[],
        $2::bigint[],
        $3::bigint[],
        $4::text[],
        $5::bytea[],
        $6::bytea[],
        $7::boolean[],
        $8::text[],
        $9::boolean[],
        $10::text[],
        $11::bigint[],
        $12::bytea[],
        $13::integer[],
        $14::boolean[]
    )";

const VIEW: &str = "
    INSERT INTO view_messages (conversation, client, timestamp)
    SELECT *
    FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])";

const BEGIN_VIEWS: &str = "
    INSERT INTO views (conversation, client, app, read_until)
    SELECT conversation, client, app, 0
    FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS new (conversation, client, app)
    ON CONFLICT DO NOTHING";

/// True when it is worth to try the same on another connection: nothing was begun on this one.
pub(super) fn is_worth_another_connection(error: &StoreError) -> bool {
    let StoreError::Unavailable(cause) = error else { return false };
    cause.downcast_ref::<tokio_postgres::Error>().is_some_and(is_lost)
}

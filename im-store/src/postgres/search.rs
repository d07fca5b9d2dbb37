//! Conversation queries (P-75 … P-77): an index finds candidates, the filter decides.

use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{
    Conversation, ConversationKind, ConversationQuery, FoundConversation, QueryError, StoreError,
};
use hookd_im_core::timestamp::Timestamp;
use tokio::task::spawn_blocking;
use tokio_postgres::types::ToSql;

use super::columns::{column, is_storable, to_i64};
use super::conversation_row::{COLUMN_COUNT, COLUMNS, ConversationRow};
use super::error::store_error;
use super::members;
use super::message_row;
use super::pool::Connection;
use super::views;
use crate::query::budget::{AnswerBudget, ROW_LIMIT, SCAN_LIMIT, ScanBudget};
use crate::query::{Filter, Narrowing, Place, SortOrder};

/// Rows that are fetched at once: an answer of the database is held in memory.
const CHUNK: usize = 64;

/// Conversations that match, in order. Stops at `until`.
pub(super) async fn find(
    connection: &Connection,
    (app, asking): (&AppId, &ClientId),
    query: &ConversationQuery,
    (now, until): (Timestamp, Instant),
) -> Result<Vec<FoundConversation>, QueryError> {
    let plan = Arc::new(Plan::of(query, asking).await?);
    let (skip, limit) = (to_usize(query.skip), to_usize(query.limit.min(ROW_LIMIT)));
    if limit == 0 {
        return Ok(Vec::new());
    }
    // All statements see the same rows.
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(store_error)?;
    let mut search = Search { connection, plan, now, budget: ScanBudget::until(until) };
    let candidates = search.candidates(app, query.temporary).await?;
    let mut answer = Answer { connection, asking, query, rows: Vec::new(), budget: AnswerBudget::default() };
    if search.plan.order.is_newest_first() {
        let mut passed_over = 0;
        for keys in candidates.chunks(CHUNK) {
            let mut found = search.matching(keys).await?;
            let skipped = found.len().min(skip - passed_over);
            passed_over += skipped;
            found.drain(..skipped);
            found.truncate(limit - answer.rows.len());
            answer.add(found, search.plan.with_members).await?;
            if answer.rows.len() == limit {
                break;
            }
        }
    } else {
        for keys in search.sorted(&candidates, skip, limit).await?.chunks(CHUNK) {
            let found = search.load(keys).await?.into_conversations()?;
            answer.add(found, search.plan.with_members).await?;
        }
    }
    connection.batch_execute("COMMIT").await.map_err(store_error)?;
    Ok(answer.rows)
}

/// What a query means.
struct Plan {
    filter: Filter,
    order: SortOrder,
    /// The filter or the order needs them.
    with_members: bool,
}

impl Plan {
    /// Compiles regular expressions: no work for a thread that others wait for.
    async fn of(query: &ConversationQuery, asking: &ClientId) -> Result<Self, QueryError> {
        let (filter, sort, asking) = (query.filter.clone(), query.sort.clone(), asking.clone());
        in_the_background(move || {
            let (filter, order) = (Filter::parse(&filter, &asking)?, SortOrder::parse(sort.as_deref())?);
            let with_members = filter.mentions("m") || order.mentions("m");
            Ok(Self { filter, order, with_members })
        })
        .await
    }
}

async fn in_the_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, QueryError> {
    spawn_blocking(work).await.map_err(|stopped| StoreError::Database(stopped.into()))?
}

struct Search<'a> {
    connection: &'a Connection,
    plan: Arc<Plan>,
    now: Timestamp,
    budget: ScanBudget,
}

/// Rows in the order of their keys.
struct Loaded {
    rows: Vec<(ConversationRow, Vec<ClientId>)>,
}

impl Loaded {
    fn into_conversations(self) -> Result<Vec<(i64, Conversation)>, StoreError> {
        let conversations = self.rows.into_iter().map(|(row, members)| {
            let key = row.key;
            Ok((key, row.into_conversation(members)?))
        });
        conversations.collect()
    }
}

impl Search<'_> {
    /// Keys of the rows that can match, newest first. Only keys: rows can be large.
    async fn candidates(&self, app: &AppId, temporary: bool) -> Result<Vec<i64>, StoreError> {
        let (app, limit) = (app.as_str(), i64::from(SCAN_LIMIT));
        let kinds = if temporary { "kind = 4" } else { "kind <> 4" };
        let rows = match self.plan.filter.narrowing() {
            Narrowing::Nothing => return Ok(Vec::new()),
            Narrowing::Everything => {
                let sql = newest("conversations", "app = $1 AND $2::bigint > 0", kinds);
                self.connection.rows(&sql, &[&app, &limit]).await?
            }
            Narrowing::ChatRooms => self.of_kind(app, "kind = 2").await?,
            Narrowing::ServiceConversations => self.of_kind(app, "kind = 3").await?,
            Narrowing::Ids(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_storable(id)).collect();
                let sql = newest("conversations", "app = $1 AND $2::bigint > 0 AND id = ANY ($3)", kinds);
                self.connection.rows(&sql, &[&app, &limit, &ids]).await?
            }
            Narrowing::AllMembers(clients) => self.of_members((app, kinds), &clients, clients.len()).await?,
            Narrowing::AnyMember(clients) => self.of_members((app, kinds), &clients, 1).await?,
        };
        rows.iter().map(|row| column(row, 0)).collect()
    }

    /// The condition must imply that of the index.
    async fn of_kind(&self, app: &str, kind: &str) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let sql = newest("conversations", "app = $1 AND $2::bigint > 0", kind);
        self.connection.rows(&sql, &[&app, &i64::from(SCAN_LIMIT)]).await
    }

    /// Conversations with at least `needed` of the clients.
    async fn of_members<'c>(
        &self,
        (app, kinds): (&str, &str),
        clients: impl IntoIterator<Item = &'c String>,
        needed: usize,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let clients: Vec<&[u8]> = clients.into_iter().map(|client| client.as_bytes()).collect();
        let sql = newest(
            "(
                SELECT conversation
                FROM members
                WHERE app = $1 AND client = ANY ($3)
                GROUP BY conversation
                HAVING count(*) >= $4
            ) AS narrowed
            JOIN conversations ON conversations.key = narrowed.conversation",
            "$2::bigint > 0",
            kinds,
        );
        let values: [&(dyn ToSql + Sync); 4] = [&app, &i64::from(SCAN_LIMIT), &clients, &to_i64(needed)];
        self.connection.rows(&sql, &values).await
    }

    /// The first matches in another order: rows that cannot be in the answer are not kept.
    async fn sorted(&mut self, candidates: &[i64], skip: usize, limit: usize) -> Result<Vec<i64>, QueryError> {
        let wanted = skip.saturating_add(limit);
        // The greatest comes out first. Rows of one place stay in the order of the candidates.
        let mut first: BinaryHeap<(Place, usize, i64)> = BinaryHeap::new();
        let mut position = 0;
        for keys in candidates.chunks(CHUNK) {
            for (key, conversation) in self.matching(keys).await? {
                let place = self.plan.order.place(&conversation);
                self.budget.hold(place.bytes())?;
                first.push((place, position, key));
                position += 1;
                if first.len() > wanted
                    && let Some((beyond, _, _)) = first.pop()
                {
                    self.budget.let_go(beyond.bytes());
                }
            }
        }
        Ok(first.into_sorted_vec().into_iter().skip(skip).map(|(_, _, key)| key).collect())
    }

    /// The rows that match, in the order of the keys.
    async fn matching(&mut self, keys: &[i64]) -> Result<Vec<(i64, Conversation)>, QueryError> {
        let (loaded, plan, now) = (self.load(keys).await?, self.plan.clone(), self.now);
        in_the_background(move || {
            let mut found = loaded.into_conversations()?;
            found.retain(|(_, conversation)| !conversation.has_expired(now) && plan.filter.matches(conversation));
            Ok(found)
        })
        .await
    }

    async fn load(&mut self, keys: &[i64]) -> Result<Loaded, QueryError> {
        self.budget.check_time()?;
        let members = if self.plan.with_members { members::IN_ORDER } else { "ARRAY[]::bytea[]" };
        let sql = format!(
            "SELECT {COLUMNS}, {members}
             FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (key, place)
             JOIN conversations ON conversations.key = wanted.key
             ORDER BY wanted.place"
        );
        let mut rows = Vec::with_capacity(keys.len());
        for row in &self.connection.rows(&sql, &[&keys]).await? {
            let (row, members) = (ConversationRow::read(row)?, members::read(row, COLUMN_COUNT)?);
            self.budget.read(row.bytes() + members.iter().map(|member| member.as_str().len()).sum::<usize>())?;
            rows.push((row, members));
        }
        Ok(Loaded { rows })
    }
}

/// Keys of conversations, newest first; `$2` of them at most.
fn newest(source: &str, condition: &str, kinds: &str) -> String {
    format!(
        "SELECT conversations.key
         FROM {source}
         WHERE {condition} AND conversations.{kinds}
         ORDER BY conversations.updated_at DESC, conversations.key DESC
         LIMIT $2"
    )
}

/// The rows of the answer, each with what was asked for.
struct Answer<'a> {
    connection: &'a Connection,
    asking: &'a ClientId,
    query: &'a ConversationQuery,
    rows: Vec<FoundConversation>,
    budget: AnswerBudget,
}

impl Answer<'_> {
    async fn add(&mut self, found: Vec<(i64, Conversation)>, has_members: bool) -> Result<(), QueryError> {
        if found.is_empty() {
            return Ok(());
        }
        let with_members = !has_members && !self.query.compact;
        let members = if with_members { members::IN_ORDER } else { "ARRAY[]::bytea[]" };
        // A client that may not read the history may not read its newest message here either (S-71).
        let sql = format!(
            "SELECT conversations.key, {members}, {}
             FROM unnest($1::bigint[], $4::boolean[]) WITH ORDINALITY AS conversations (key, is_room, place)
             LEFT JOIN LATERAL (
                 SELECT *
                 FROM messages
                 WHERE $2 AND conversation = conversations.key AND (
                     conversations.is_room
                     OR EXISTS (
                         SELECT 1 FROM members WHERE members.conversation = conversations.key AND client = $3
                     )
                 )
                 ORDER BY timestamp DESC
                 LIMIT 1
             ) AS messages ON true
             ORDER BY conversations.place",
            message_row::COLUMNS
        );
        let keys: Vec<i64> = found.iter().map(|(key, _)| *key).collect();
        let asking = self.asking.as_str().as_bytes();
        let are_rooms: Vec<bool> = found.iter().map(|(_, found)| found.kind == ConversationKind::ChatRoom).collect();
        let values: [&(dyn ToSql + Sync); 4] = [&keys, &self.query.with_last_message, &asking, &are_rooms];
        let rows = self.connection.rows(&sql, &values).await?;
        for ((key, mut conversation), row) in found.into_iter().zip(&rows) {
            if with_members {
                conversation.members = members::read(row, 1)?;
            }
            let last_message = match conversation.kind {
                ConversationKind::Service if self.query.with_last_message => {
                    views::newest(self.connection, key, self.asking, false).await?
                }
                _ => message_row::read_optional(row, 2)?,
            };
            let found = FoundConversation { conversation, last_message };
            self.budget.take(&found)?;
            self.rows.push(found);
        }
        Ok(())
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

//! Conversation queries (P-75 … P-77): an index finds candidates, the filter decides.

use std::collections::BinaryHeap;
use std::time::Instant;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{Conversation, ConversationKind, ConversationQuery, FoundConversation};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::conversation_row::{COLUMNS, ConversationRow};
use super::error::WorkError;
use super::{history, members, views};
use crate::json;
use crate::query::budget::{AnswerBudget, ROW_LIMIT, SCAN_LIMIT, ScanBudget};
use crate::query::{Filter, Narrowing, Place, SortOrder};

/// Conversations that match, in order. Stops at `until`.
pub(super) fn find(
    connection: &Connection,
    (app, asking): (&AppId, &ClientId),
    filter: &Filter,
    query: &ConversationQuery,
    (now, until): (Timestamp, Instant),
) -> Result<Vec<FoundConversation>, WorkError> {
    let (skip, limit) = (to_usize(query.skip), to_usize(query.limit.min(ROW_LIMIT)));
    let order = SortOrder::parse(query.sort.as_deref())?;
    if limit == 0 {
        return Ok(Vec::new());
    }
    let with_members = filter.mentions("m") || order.mentions("m");
    let mut search = Search { connection, filter, now, with_members, budget: ScanBudget::until(until) };
    let candidates = search.candidates(app, &filter.narrowing(), query.temporary)?;
    let mut answer = Answer { connection, asking, query, rows: Vec::new(), budget: AnswerBudget::default() };
    if order.is_newest_first() {
        let mut passed_over = 0;
        for key in candidates {
            let Some(conversation) = search.matching(key)? else { continue };
            if passed_over < skip {
                passed_over += 1;
                continue;
            }
            answer.add(key, conversation, with_members)?;
            if answer.rows.len() == limit {
                break;
            }
        }
    } else {
        for key in search.sorted(candidates, &order, skip, limit)? {
            let conversation = search.load(key)?;
            answer.add(key, conversation, with_members)?;
        }
    }
    Ok(answer.rows)
}

struct Search<'a> {
    connection: &'a Connection,
    filter: &'a Filter,
    now: Timestamp,
    /// The filter or the order needs them.
    with_members: bool,
    budget: ScanBudget,
}

impl Search<'_> {
    /// Keys of the rows that can match, newest first. Only keys: rows can be large.
    fn candidates(&self, app: &AppId, narrowing: &Narrowing, temporary: bool) -> Result<Vec<i64>, WorkError> {
        // CROSS JOIN fixes the order of the tables: the narrow side first, independent of the planner.
        let (source, values, needed) = match narrowing {
            Narrowing::Nothing => return Ok(Vec::new()),
            Narrowing::Everything => ("conversations WHERE ?2 IS NULL AND ?3 = 0", None, 0),
            Narrowing::ChatRooms => (CHAT_ROOMS, None, 0),
            Narrowing::ServiceConversations => (SERVICE_CONVERSATIONS, None, 0),
            Narrowing::Ids(ids) => (
                "json_each(?2) AS wanted
                 CROSS JOIN conversations
                     ON conversations.app = ?1 AND conversations.id = wanted.value AND ?3 = 0
                 WHERE true",
                Some(ids),
                0,
            ),
            Narrowing::AllMembers(clients) => (BY_MEMBERS, Some(clients), clients.len()),
            Narrowing::AnyMember(clients) => (BY_MEMBERS, Some(clients), 1),
        };
        let values = values.map(json::to_column).transpose()?;
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        let kinds = if temporary { "= 4" } else { "<> 4" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT conversations.key
             FROM {source} AND conversations.app = ?1 AND conversations.kind {kinds}
             ORDER BY conversations.updated_at DESC, conversations.key DESC
             LIMIT ?4"
        ))?;
        let keys = statement.query_map(params![app.as_str(), values, needed, SCAN_LIMIT], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// The first matches in another order: rows that cannot be in the answer are not kept.
    fn sorted(
        &mut self,
        candidates: Vec<i64>,
        order: &SortOrder,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<i64>, WorkError> {
        let wanted = skip.saturating_add(limit);
        // The greatest comes out first. Rows of one place stay in the order of the candidates.
        let mut first: BinaryHeap<(Place, usize, i64)> = BinaryHeap::new();
        for (position, key) in candidates.into_iter().enumerate() {
            let Some(conversation) = self.matching(key)? else { continue };
            let place = order.place(&conversation);
            self.budget.hold(place.bytes())?;
            first.push((place, position, key));
            if first.len() > wanted
                && let Some((beyond, _, _)) = first.pop()
            {
                self.budget.let_go(beyond.bytes());
            }
        }
        Ok(first.into_sorted_vec().into_iter().skip(skip).map(|(_, _, key)| key).collect())
    }

    /// The row, if it matches.
    fn matching(&mut self, key: i64) -> Result<Option<Conversation>, WorkError> {
        let conversation = self.load(key)?;
        let is_there = !conversation.has_expired(self.now);
        Ok((is_there && self.filter.matches(&conversation)).then_some(conversation))
    }

    fn load(&mut self, key: i64) -> Result<Conversation, WorkError> {
        self.budget.check_time()?;
        let row = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE key = ?1"))?
            .query_row([key], ConversationRow::read)?;
        let members = if self.with_members { members::load(self.connection, key)? } else { Vec::new() };
        self.budget.read(row.bytes() + members.iter().map(|member| member.as_str().len()).sum::<usize>())?;
        row.into_conversation(members)
    }
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
    fn add(&mut self, key: i64, mut conversation: Conversation, has_members: bool) -> Result<(), WorkError> {
        if !has_members && !self.query.compact {
            conversation.members = members::load(self.connection, key)?;
        }
        // A client that may not read the history may not read its newest message here either (S-71).
        let is_shown = self.query.with_last_message
            && (conversation.kind == ConversationKind::ChatRoom
                || members::contains(self.connection, key, self.asking)?);
        let last_message = match conversation.kind {
            ConversationKind::Service if self.query.with_last_message => {
                views::newest(self.connection, key, self.asking, false)?
            }
            _ if is_shown => history::newest(self.connection, key)?,
            _ => None,
        };
        let found = FoundConversation { conversation, last_message };
        self.budget.take(&found)?;
        self.rows.push(found);
        Ok(())
    }
}

/// Conversations with at least ?3 of the clients ?2.
const BY_MEMBERS: &str = "
    (
        SELECT conversation
        FROM members
        WHERE app = ?1 AND client IN (SELECT value FROM json_each(?2))
        GROUP BY conversation
        HAVING count(*) >= ?3
    ) AS narrowed
    CROSS JOIN conversations ON conversations.key = narrowed.conversation
    WHERE true";

/// The condition of the index, in its words.
const CHAT_ROOMS: &str = "
    conversations INDEXED BY conversations_by_kind
    WHERE ?2 IS NULL AND ?3 = 0 AND conversations.kind = 2 AND conversations.kind <> 1";

const SERVICE_CONVERSATIONS: &str = "
    conversations INDEXED BY conversations_by_kind
    WHERE ?2 IS NULL AND ?3 = 0 AND conversations.kind = 3 AND conversations.kind <> 1";

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

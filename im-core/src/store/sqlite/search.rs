//! Conversation queries (P-75 … P-77): an index finds candidates, the filter decides.

use rusqlite::{Connection, params};

use super::conversations::{COLUMNS, ConversationRow};
use super::{history, json, members};
use crate::ids::{AppId, ClientId};
use crate::store::query::{Filter, Narrowing, SortOrder};
use crate::store::{Conversation, ConversationQuery, FoundConversation, StoreError};

/// Rows that one query looks at, newest `updatedAt` first; matches beyond them are not found. It bounds what a client
/// can make the server do with a filter that no index helps (anything but `objectId` and `m`).
const SCAN_LIMIT: u32 = 5000;

/// Most rows that one query answers (P-75).
const ROW_LIMIT: u32 = 1000;

pub(super) fn find(
    connection: &Connection,
    (app, asking): (&AppId, &ClientId),
    filter: &Filter,
    query: &ConversationQuery,
) -> Result<Vec<FoundConversation>, StoreError> {
    let (skip, limit) = (to_usize(query.skip), to_usize(query.limit.min(ROW_LIMIT)));
    if limit == 0 {
        return Ok(Vec::new());
    }
    let order = SortOrder::parse(query.sort.as_deref());
    let mut search = Search {
        connection,
        filter,
        with_members: filter.mentions("m") || order.mentions("m"),
        enough: order.is_newest_first().then(|| skip.saturating_add(limit)),
        found: Vec::new(),
    };
    search.scan(app, &filter.narrowing())?;
    let Search { with_members, mut found, .. } = search;
    if !order.is_newest_first() {
        found.sort_by(|(_, left), (_, right)| order.compare(left, right));
    }
    found
        .into_iter()
        .skip(skip)
        .take(limit)
        .map(|(key, mut conversation)| {
            if !with_members && !query.compact {
                conversation.members = members::load(connection, key)?;
            }
            // Whoever may not read the history may not read its newest message here either (S-71).
            let is_shown = query.with_last_message && members::contains(connection, key, asking)?;
            let last_message = if is_shown { history::newest(connection, key)? } else { None };
            Ok(FoundConversation { conversation, last_message })
        })
        .collect()
}

struct Search<'a> {
    connection: &'a Connection,
    filter: &'a Filter,
    /// The filter or the order needs them; other rows get theirs when they are known to be in the answer.
    with_members: bool,
    /// Where to stop; absent when every match is needed for sorting.
    enough: Option<usize>,
    found: Vec<(i64, Conversation)>,
}

impl Search<'_> {
    fn scan(&mut self, app: &AppId, narrowing: &Narrowing) -> Result<(), StoreError> {
        // CROSS JOIN fixes the order of the tables: the narrow side first, whatever the planner believes.
        let (source, values, needed) = match narrowing {
            Narrowing::Nothing => return Ok(()),
            Narrowing::Everything => ("conversations WHERE app = ?1 AND ?2 IS NULL AND ?3 = 0", None, 0),
            Narrowing::Ids(ids) => (
                "json_each(?2) AS wanted
                 CROSS JOIN conversations
                     ON conversations.app = ?1 AND conversations.id = wanted.value AND ?3 = 0",
                Some(ids),
                0,
            ),
            Narrowing::AllMembers(clients) => (BY_MEMBERS, Some(clients), clients.len()),
            Narrowing::AnyMember(clients) => (BY_MEMBERS, Some(clients), 1),
        };
        let values = values.map(json::to_column).transpose()?;
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {source} ORDER BY conversations.updated_at DESC, conversations.key DESC LIMIT ?4"
        ))?;
        let mut rows = statement.query(params![app.as_str(), values, needed, SCAN_LIMIT])?;
        while let Some(row) = rows.next()? {
            self.consider(ConversationRow::read(row)?)?;
            if self.enough.is_some_and(|enough| self.found.len() >= enough) {
                break;
            }
        }
        Ok(())
    }

    fn consider(&mut self, row: ConversationRow) -> Result<(), StoreError> {
        let key = row.key;
        let members = if self.with_members { members::load(self.connection, key)? } else { Vec::new() };
        let conversation = row.into_conversation(members)?;
        if self.filter.matches(&conversation) {
            self.found.push((key, conversation));
        }
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
    CROSS JOIN conversations ON conversations.key = narrowed.conversation";

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

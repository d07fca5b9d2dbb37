//! What one query may cost.

use std::time::{Duration, Instant};

use hookd_im_core::messages::content;
use hookd_im_core::store::{FoundConversation, QUERY_ANSWER_BYTES, QueryError, StoreError};

/// How long one query may run, once it runs.
pub(crate) const TIME_BUDGET: Duration = Duration::from_secs(1);

/// Rows that one query looks at, newest `updatedAt` first; matches beyond them are not found. It bounds what a client
/// can make the server do with a filter that no index helps (anything but `objectId` and `m`).
pub(crate) const SCAN_LIMIT: u32 = 5000;

/// Most rows that one query answers (P-75).
pub(crate) const ROW_LIMIT: u32 = 1000;

/// Most messages that one query answers (P-92).
pub(crate) const MESSAGE_LIMIT: u32 = 100;

/// Bytes of rows that one query reads.
const READ_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that one query keeps to sort rows.
const HELD_BYTES: usize = 4 * 1024 * 1024;

/// What an answer needs for a row beside its texts.
const ROW_BYTES: usize = 400;

/// The error of a question without a filter.
pub(crate) fn store_error(error: QueryError, operation: &'static str) -> StoreError {
    match error {
        QueryError::Store(error) => error,
        QueryError::BadFilter(_) | QueryError::TooCostly(_) => StoreError::TimedOut { operation, limit: TIME_BUDGET },
    }
}

/// What looking may cost.
pub(crate) struct ScanBudget {
    until: Instant,
    read: usize,
    held: usize,
}

impl ScanBudget {
    /// The whole budget.
    pub(crate) fn until(until: Instant) -> Self {
        Self { until, read: 0, held: 0 }
    }

    /// Fails when the time is over.
    pub(crate) fn check_time(&self) -> Result<(), QueryError> {
        if Instant::now() < self.until { Ok(()) } else { Err(out_of_time()) }
    }

    /// Counts what was read.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.read = self.read.saturating_add(bytes);
        within(self.read, READ_BYTES, "looks at")
    }

    /// Counts what is kept.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.held = self.held.saturating_add(bytes);
        within(self.held, HELD_BYTES, "sorts by values of")
    }

    /// What was kept is not any more.
    pub(crate) fn let_go(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// What an answer may hold.
#[derive(Default)]
pub(crate) struct AnswerBudget {
    bytes: usize,
}

impl AnswerBudget {
    /// Counts a row of the answer.
    pub(crate) fn take(&mut self, found: &FoundConversation) -> Result<(), QueryError> {
        let FoundConversation { conversation, last_message } = found;
        let attributes = serde_json::to_string(&conversation.attributes).map_or(0, |text| text.len());
        let clients = conversation.members.iter().chain(&conversation.muted);
        let clients: usize = clients.map(|client| json_bytes(client.as_str())).sum();
        let message = last_message.as_ref().map_or(0, |message| {
            let mentions: usize = message.mentions.iter().map(|client| json_bytes(client.as_str())).sum();
            json_bytes(&content::to_text(&message.body).0) + mentions
        });
        self.bytes = self.bytes.saturating_add(ROW_BYTES + attributes + clients + message);
        within(self.bytes, QUERY_ANSWER_BYTES, "is answered with")
    }
}

/// The answer to a query whose app asks too much at a time.
pub(crate) fn busy() -> QueryError {
    QueryError::TooCostly("too many queries of this app wait: ask fewer at a time, and narrower ones".to_owned())
}

/// The answer to a query whose time is over.
pub(crate) fn out_of_time() -> QueryError {
    QueryError::TooCostly(format!("the query took more than {TIME_BUDGET:?}: narrow it, best by `objectId` or `m`"))
}

fn within(bytes: usize, limit: usize, does: &str) -> Result<(), QueryError> {
    if bytes <= limit {
        return Ok(());
    }
    let limit = limit / (1024 * 1024);
    Err(QueryError::TooCostly(format!("the query {does} more than {limit} MiB: narrow it, or ask for fewer rows")))
}

/// Bytes of a text as JSON, with what stands around it.
fn json_bytes(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    });
    escaped.sum::<usize>() + 3
}

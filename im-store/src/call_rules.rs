//! Rules of the table of calls that hold for each backend.

use hookd_im_core::store::{CallLimits, ImportedCall, LONGEST_WAIT};
use hookd_im_core::timestamp::Timestamp;

/// Calls that one claim brings forward at most. Those that stay are brought forward with the next claim.
pub(crate) const BROUGHT_FORWARD_AT_ONCE: i64 = 500;

/// Dead letters beyond the limit that go with those that come: after the limit was lowered no single write pays for all.
pub(crate) const PRUNED_AT_ONCE: i64 = 64;

/// Rows that one write changes at most where there may be a million of them: other writes wait for it.
pub(crate) const ROWS_AT_ONCE: usize = 500;

/// A call that is due later than this waits for the return of a clock that was set back.
pub(crate) fn horizon(now: Timestamp) -> i64 {
    now.plus(LONGEST_WAIT).plus(LONGEST_WAIT).0
}

/// How many of so many dead letters go now, where `limit` are kept; `None` where all stay.
pub(crate) fn pruned_now(letters: i64, limit: usize) -> Option<i64> {
    let beyond = letters.saturating_sub(i64::try_from(limit).unwrap_or(i64::MAX));
    (beyond > 0).then_some(beyond.min(PRUNED_AT_ONCE))
}

/// What waits or runs in one channel of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) calls: u64,
    /// Of payloads.
    pub(crate) bytes: u64,
}

impl Waiting {
    /// With one more call of so many bytes; `None` where there is no room for it.
    pub(crate) fn with_one_more(self, bytes: usize, limits: CallLimits) -> Option<Self> {
        let calls = self.calls.saturating_add(1);
        let bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let has_room = calls <= u64::try_from(limits.calls).unwrap_or(u64::MAX) && bytes <= limits.bytes;
        has_room.then_some(Self { calls, bytes })
    }
}

/// Rows of another table of calls, by the table where they go.
#[derive(Default)]
pub(crate) struct Imported<'a> {
    /// With the time before which none is made.
    pub(crate) calls: Vec<(&'a ImportedCall, Timestamp)>,
    pub(crate) letters: Vec<(&'a ImportedCall, Death<'a>)>,
    /// Numbers that are given later are greater.
    pub(crate) highest: u64,
}

/// How a call became a dead letter.
#[derive(Clone, Copy)]
pub(crate) struct Death<'a> {
    pub(crate) cause: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) died_at: Timestamp,
}

impl<'a> Imported<'a> {
    pub(crate) fn of(rows: &'a [ImportedCall]) -> Self {
        let mut imported = Self::default();
        for row in rows {
            match &row.death {
                None => imported.calls.push((row, row.due_at)),
                Some((cause, reason, died_at)) => {
                    imported.letters.push((row, Death { cause, reason, died_at: *died_at }));
                }
            }
            imported.highest = imported.highest.max(row.call.number);
        }
        imported
    }
}

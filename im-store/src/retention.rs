//! What is not kept for ever.

use std::time::Duration;

use hookd_im_core::store::EndedLogin;
use hookd_im_core::timestamp::Timestamp;

/// How long an event waits for its client (P-59).
const MISSED_EVENTS: Duration = Duration::from_hours(7 * 24);

/// Expired rows that one write takes away beyond the number it adds: the table shrinks while it is written to, and no
/// single write pays for a long silence.
pub(crate) const EXTRA_PRUNED: usize = 64;

/// Rows of conversations whose life is over, and old messages, that one write takes away: a few milliseconds, for which others
/// wait.
pub(crate) const EXPIRED_AT_ONCE: i64 = 500;

/// Conversations that are looked at together to find old ones.
pub(crate) const LOOKED_AT_ONCE: i64 = 200;

/// Ended log-ins that are kept of an app, about. Beyond it the oldest give way to one row that voids all tokens of their
/// age: their clients, and others that last showed a token then, log in again.
pub(crate) const ENDED_LOGINS_KEPT: usize = 100_000;

/// The row that stands for all log-ins whose tokens expire until then.
pub(crate) const ALL_LOGINS: &str = "";

/// Log-ins of which one looks whether there are too many: a look costs a millisecond or more.
const LOOK_PREFIX: &str = "00";

/// The time of the oldest event that still waits.
pub(crate) fn oldest_missed_event(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(MISSED_EVENTS.as_millis()).unwrap_or(i64::MAX)))
}

/// The time of the oldest change of members that is kept.
pub(crate) fn oldest_member_change(now: Timestamp) -> Timestamp {
    oldest_missed_event(now)
}

/// True when the end of this log-in is the time to look whether too many are kept.
pub(crate) fn is_looked_at(ended: &EndedLogin) -> bool {
    ended.login.starts_with(LOOK_PREFIX)
}

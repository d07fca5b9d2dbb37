//! What both backends share of receipts.

use hookd_im_core::store::{MAX_UNREAD_CONVERSATIONS, UnreadConversation};
use hookd_im_core::timestamp::Timestamp;

/// The mark of a client that acknowledges now the messages up to `covered`, the time of one of them (S-59): now, but before the
/// time of the first message that it does not cover, so that nobody takes that one for delivered or read.
pub(crate) fn mark(now: Timestamp, covered: i64, first_not_covered: Option<i64>) -> i64 {
    first_not_covered.map_or(now.0, |next| now.0.min(next.saturating_sub(1))).max(covered)
}

/// What is unread where a client is a member, and in its views of service conversations: as much as is told, the newest first.
pub(crate) fn newest_first(
    of_members: Vec<UnreadConversation>,
    of_views: Vec<UnreadConversation>,
) -> Vec<UnreadConversation> {
    if of_views.is_empty() {
        return of_members;
    }
    let mut all: Vec<_> = of_members.into_iter().chain(of_views).collect();
    all.sort_by_key(|unread| std::cmp::Reverse(unread.last_message.as_ref().map(|message| message.timestamp)));
    all.truncate(MAX_UNREAD_CONVERSATIONS as usize);
    all
}

/// What was committed a moment ago may have an earlier time than what was seen before: so far back the changes are looked for.
/// A write takes less (its deadline).
const OVERLAP_MS: i64 = 5_000;

/// The time from which on changes are new to a client that has seen them until `seen`.
pub(crate) fn new_since(seen: Timestamp) -> i64 {
    seen.0.saturating_sub(OVERLAP_MS)
}

#[cfg(test)]
mod tests {
    use hookd_im_core::timestamp::Timestamp;

    use super::mark;

    #[test]
    fn a_mark_is_after_what_it_covers_and_before_what_it_does_not_cover() {
        assert_eq!(mark(Timestamp(50), 20, None), 50);
        assert_eq!(mark(Timestamp(50), 20, Some(30)), 29);
        assert_eq!(mark(Timestamp(50), 20, Some(21)), 20);
        assert_eq!(mark(Timestamp(50), 60, None), 60, "message times may be ahead of the clock");
    }
}

//! The workers of the table of calls, as the IM core has them.
#![expect(clippy::unwrap_used, reason = "a task that cannot go on fails the test")]

use hookd_models::workers as subject;

#[path = "orders/workers.rs"]
mod orders;

#[test]
fn every_call_is_made_once_and_no_channel_has_two_workers() {
    orders::every_call_is_made_once_and_no_channel_has_two_workers();
}

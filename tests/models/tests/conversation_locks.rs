//! The locks of conversations, as the IM core has them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a task that cannot go on fails the test")]

use hookd_models::conversation_locks as subject;

#[path = "orders/conversation_locks.rs"]
mod orders;

#[test]
fn one_holds_a_conversation_and_nothing_is_left_of_its_lock() {
    orders::one_holds_a_conversation_and_nothing_is_left_of_its_lock();
}

#[test]
fn tasks_that_give_up_hold_no_task_up_and_leave_nothing() {
    orders::tasks_that_give_up_hold_no_task_up_and_leave_nothing();
}

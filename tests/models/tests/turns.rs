//! The turns of guests that compute for long, as the engine has them.
#![expect(clippy::unwrap_used, reason = "a task that cannot go on fails the test")]

use hookd_models::turns as subject;

#[path = "orders/turns.rs"]
mod orders;

#[test]
fn an_app_with_many_guests_costs_another_one_no_more_than_its_share() {
    orders::an_app_with_many_guests_costs_another_one_no_more_than_its_share();
}

#[test]
fn a_call_that_is_given_up_keeps_no_turn() {
    orders::a_call_that_is_given_up_keeps_no_turn();
}

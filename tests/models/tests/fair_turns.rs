//! Turns of what apps share, as the engine has them.

use hookd_models::fair_turns as subject;

#[path = "orders/fair_turns.rs"]
mod orders;

#[test]
fn nobody_is_forgotten_where_there_is_one_turn() {
    orders::nobody_is_forgotten_where_there_is_one_turn();
}

#[test]
fn nobody_is_forgotten_where_an_app_may_not_have_all_turns() {
    orders::nobody_is_forgotten_where_an_app_may_not_have_all_turns();
}
